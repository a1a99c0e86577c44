# Completion of `git wtcheck` and of `git-wtcheck` for bash, with git's own completion and bash-completion.
# Belongs into PREFIX/share/bash-completion/completions/git-wtcheck: both load it from there when it is first wanted.

# Called by git's completion, which has set words and __git_cmd_idx. The program is given the line behind the command as it
# is typed, and answers with what is to be put there, quoted.
_git_wtcheck () {
  local idx=${__git_cmd_idx:-1} line=${COMP_LINE:0:COMP_POINT} i c; local -a pre
  if [ "$idx" -gt 0 ]; then pre=(git ${__git_C_args[@]+"${__git_C_args[@]}"} ${__git_dir:+"--git-dir=$__git_dir"} wtcheck)
  else pre=(git-wtcheck); fi
  for ((i = 0; i <= idx; i++)); do
    line=${line#"${line%%[![:space:]]*}"}; line=${line#"${words[i]}"}
  done
  COMPREPLY=()
  while IFS= read -r c; do
    COMPREPLY+=("$c")                      # with its space: git completes with -o nospace
  done < <(COMPLETE=bash _WTCHECK_BREAKS="$COMP_WORDBREAKS" "${pre[@]}" -- git-wtcheck "$line" 2>/dev/null)
}

# `git-wtcheck` by itself.
_git_wtcheck_itself () {
  local words=("${COMP_WORDS[@]}") __git_cmd_idx=0
  _git_wtcheck
}
complete -o bashdefault -o default -o nospace -F _git_wtcheck_itself git-wtcheck
