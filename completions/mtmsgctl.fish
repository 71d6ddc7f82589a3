# fish completion for mtmsgctl(1)
#
# mtmsgctl itself knows what may stand where: it is asked, and its answer goes to the shell.

function __mtmsgctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for line in ($program __complete -- $words "$current" 2>/dev/null)
        switch $line
            case ':files'
                __mtmsgctl_paths "$current" __fish_complete_path
            case ':folders'
                __mtmsgctl_paths "$current" __fish_complete_directories
            case '*'
                echo $line
        end
    end
end

# Behind "--output=" the path begins after the sign.
function __mtmsgctl_paths -a current finder
    set -l parts (string split -m 1 = -- $current)
    if string match -q -- '--*=*' $current
        for path in ($finder "$parts[2]")
            echo "$parts[1]=$path"
        end
    else
        $finder $current
    end
end

complete -c mtmsgctl -f -a '(__mtmsgctl_complete)'
