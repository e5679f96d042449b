# Completion of lastack for bash.
_lastack()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local commands="certify run list explain replay rejudge playbook drill report swarm sweep explore shrink coverage fault ledger --version --help"
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
        return
    fi
    case $before in
        --keep) mapfile -t COMPREPLY < <(compgen -W "all findings none" -- "$word") && return ;;
        --format) mapfile -t COMPREPLY < <(compgen -W "text jsonl edn" -- "$word") && return ;;
    esac
    if [[ $word == -* ]]; then
        local options
        options=$(lastack "$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u)
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    case $command in
        run | explain | sweep | explore | shrink)
            local names
            names=$(lastack list 2>/dev/null | awk '{print $2}')
            mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
            ;;
        fault) [ "$COMP_CWORD" -eq 2 ] && mapfile -t COMPREPLY < <(compgen -W "ls arm disarm log" -- "$word") ;;
    esac
    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _lastack lastack
