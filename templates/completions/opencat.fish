# Completion of opencat for fish: opencat completions fish >~/.config/fish/completions/opencat.fish. The command itself
# knows what fits.
function __opencat_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] completions words -- $words[2..] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c opencat -f -a '(__opencat_complete)'
