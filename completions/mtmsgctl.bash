# bash completion for mtmsgctl(1)                                          -*- shell-script -*-
# shellcheck shell=bash
#
# mtmsgctl itself knows what may stand where: it is asked, and its answer goes to the shell.

_mtmsgctl() {
  # bash takes "--format=json" and "unix:/run" apart: what has no blank between belongs together. Up to the cursor.
  local rest=${COMP_LINE:0:COMP_POINT} word next i
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    next=${rest#"${rest%%[![:space:]]*}"}
    word=${COMP_WORDS[i]}
    word=${word:0:${#next}}
    if [[ $i -gt 0 && $next == "$rest" && -n $rest ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    rest=${next:${#word}}
  done
  words=("${words[@]//[\'\"]/}")

  local current=${words[${#words[@]} - 1]} done='' line
  # What stands before "=" or ":" stays as it is.
  [[ $current == *=* && $COMP_WORDBREAKS == *=* ]] && done=${current%%=*}=
  local value=${current#"$done"}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files)
        compopt -o filenames
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$value")
        ;;
      :folders)
        compopt -o filenames
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$value")
        ;;
      *)
        line=${line%%$'\t'*}
        COMPREPLY+=("${line#"$done"}")
        ;;
    esac
  done < <("$1" __complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _mtmsgctl mtmsgctl
