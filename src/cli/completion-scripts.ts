/**
 * What a shell loads to complete command lines. The scripts know no command: they ask the program, which answers from its
 * own tree of commands (`holdfast __complete SHELL -- WORDS`): a candidate a line, its help behind a tab, and words that begin
 * with a colon for what the shell does by itself: `:files`, `:directories`, `:open` (no blank behind what was chosen).
 */

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** Where the user puts it, for the head of the script. */
export const scripts: Readonly<Record<Shell, string>> = {
  bash: `# Completion of holdfast for bash. Load it once:   source <(holdfast completion bash)
# or for each new shell:                           holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast
_holdfast() {
  local line current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current") ;;
      :directories) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current") ;;
      :open) compopt -o nospace 2>/dev/null ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _holdfast holdfast
`,
  zsh: `#compdef holdfast
# Completion of holdfast for zsh. Load it once:   source <(holdfast completion zsh)
# or for each new shell:                          holdfast completion zsh > "\${fpath[1]}/_holdfast"
_holdfast() {
  local line value
  local -a described open
  local paths='' suffix=''
  while IFS= read -r line; do
    case $line in
      :files) paths=files ;;
      :directories) paths=directories ;;
      :open) suffix=open ;;
      *) value=\${line%%$'\\t'*}; described+=("\${value//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <("\${words[1]}" __complete zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if [[ -n $suffix ]]; then _describe -t values value described -S ''; else _describe -t values value described; fi
  [[ $paths == files ]] && _files
  [[ $paths == directories ]] && _files -/
  return 0
}
# As a file of fpath this whole file is the function; when sourced it has to be registered.
if [[ \${funcstack[1]} == _holdfast ]]; then _holdfast "$@"; elif (( $+functions[compdef] )); then compdef _holdfast holdfast; fi
`,
  fish: `# Completion of holdfast for fish. Load it once:   holdfast completion fish | source
# or for each new shell:                           holdfast completion fish > ~/.config/fish/completions/holdfast.fish
function __holdfast_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete fish -- $words[2..] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':directories'
                __fish_complete_directories "$current"
            case ':open'
            case '*'
                echo $line
        end
    end
end
complete -c holdfast -f -a '(__holdfast_complete)'
`,
}
