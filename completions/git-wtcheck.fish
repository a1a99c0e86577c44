# Completion of `git-wtcheck` for fish, and since fish 3.6.1 of `git wtcheck`. Belongs into a completions folder,
# such as ~/.config/fish/completions or PREFIX/share/fish/vendor_completions.d.
complete -c git-wtcheck -k -x -a "(COMPLETE=fish git-wtcheck -- (commandline --current-process --tokenize --cut-at-cursor) (commandline -ct))"
