# Completion of `git wtcheck` for fish before 3.6.1, and of `git -C DIR wtcheck` for every fish. Belongs into conf.d,
# such as ~/.config/fish/conf.d or PREFIX/share/fish/vendor_conf.d.
status is-interactive; or exit
complete -c git -f -n __fish_git_needs_command -a wtcheck -d 'Run configured checks across all worktrees'
complete -c git -f -k -n '__fish_git_using_command wtcheck' -a '(__git_wtcheck_complete)'
function __git_wtcheck_complete
    set -l words (commandline -opc)
    set -l i (contains -i -- (__fish_git_needs_command) $words); or return
    set -l pre $words[1..(math $i - 1)]; set -l post $words[(math $i + 1)..]
    COMPLETE=fish command $pre wtcheck -- git-wtcheck $post (commandline -ct) 2>/dev/null
end
