# Completion of `git wtcheck` and of `git-wtcheck` for bash, with git's own completion and bash-completion.
# Belongs into PREFIX/share/bash-completion/completions/git-wtcheck: both load it from there when it is first wanted.

# Called by git's completion, which has set cur, words, cword and __git_cmd_idx.
_git_wtcheck () {
  local idx=${__git_cmd_idx:-1} IFS=$'\n' out= c= pfx; local -a pre
  if [ "$idx" -gt 0 ]; then pre=(git ${__git_C_args[@]+"${__git_C_args[@]}"} ${__git_dir:+"--git-dir=$__git_dir"} wtcheck)
  else pre=(git-wtcheck); fi
  out="$(COMPLETE=bash _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((cword - idx)) _CLAP_COMPLETE_COMP_TYPE=${COMP_TYPE:-9} _CLAP_COMPLETE_SPACE=false \
    "${pre[@]}" -- git-wtcheck "${words[@]:$((idx+1)):$((cword-idx-1))}" "$cur" 2>/dev/null)"
  pfx=${cur%"${cur##*[=:]}"}               # readline replaces only what follows the last = or :
  COMPREPLY=()
  while IFS= read -r c; do
    case $c in "") continue;; "$cur"*) ;; *) continue;; esac
    c=${c#"$pfx"}; case $c in *[=/:]) ;; *) c="$c ";; esac   # git completes with -o nospace
    COMPREPLY+=("$c")
  done <<< "$out"
}

# `git-wtcheck` by itself.
_git_wtcheck_itself () {
  local cur prev words cword __git_cmd_idx=0
  _get_comp_words_by_ref -n =: cur prev words cword
  _git_wtcheck
}
complete -o bashdefault -o default -o nospace -F _git_wtcheck_itself git-wtcheck
