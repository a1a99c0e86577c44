//! Each condition under which nothing is told, and what is told beside it.
