#compdef opencat
# Completion of opencat for zsh: eval "$(opencat completions zsh)" in ~/.zshrc behind compinit, or this as _opencat in a
# folder of $fpath. The command itself knows what fits.
_opencat() {
  local line files=
  local -a found
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=yes
    else
      # _describe splits at the first colon that has no backslash.
      found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done < <("${words[1]}" completions words -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe -V opencat found
  [[ -n $files ]] && _files
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _opencat "$@"
else
  compdef _opencat opencat
fi
