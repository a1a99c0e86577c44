//! The real binary against real git, in scratch repositories. One file a feature.

#![allow(unreachable_pub, reason = "one crate, many files")]
#![allow(clippy::disallowed_methods, reason = "tests stand outside the program")]
#![allow(clippy::must_use_candidate, clippy::missing_panics_doc, reason = "assertions are what these are for")]

mod bounds;
mod branch_state;
mod builtins;
mod completion;
mod conditions;
mod conflicts;

mod config;
mod config_memory;
mod dead_drives;
mod diff_numbers;
mod discovery;
mod docs;
mod first;
mod foreign;
mod formats;
mod from_files;
mod fuzz;
mod hostile;
mod hostile_expressions;
mod hostile_readers;
mod hostile_settings;
mod hostile_text;
mod house;
mod integration;
mod listing_cache;
mod live;
mod manners;
mod neighbours;
mod numstat;
mod objects;
mod odd_repositories;
mod outputs;
mod processes;
mod proof;
mod proof_deceived;
mod proof_lines;
mod prove;
mod risk;
mod risk_oracle;
mod schemas;
mod screens;
mod selection;
mod settings;
mod setup;
mod signals;
mod simulation;
mod strategies;
mod support;
mod table;
mod terms;
mod timings;
mod trust;
mod worktrees;
