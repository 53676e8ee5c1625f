#!/bin/sh
# A fake ssh: runs the line here, in a shell. How it does it stands in the file $FAKE_SSH, a word a call; the last word
# holds for all further calls. `whole`: nothing more. `dies:N`: ends after N bytes of output, with ssh's own code 255.
# `greets`: prints a greeting on standard output first, as a shell's start-up files do. `babbles`: prints nothing else.
# `asks`: for a password on the terminal, and refuses in batch mode. `refuses`: cannot be reached. `hangs`: says nothing.
printf '%s\n' "$*" >> "$FAKE_SSH.calls"
read -r word rest < "$FAKE_SSH"
[ -z "$rest" ] || printf '%s\n' "$rest" > "$FAKE_SSH"
batch=no
while [ "$1" != -- ]; do
    [ "$1" != BatchMode=yes ] || batch=yes
    shift
done
[ $# = 3 ] || exit 99 # --, the host, one line
case $word$batch in
refuses* | asksyes)
    echo 'ssh: connect to host box port 22: Connection refused' >&2
    exit 255
    ;;
hangs*)
    cat > /dev/null
    exit 255
    ;;
asksno)
    printf "me@box's password: " > /dev/tty
    read -r said < /dev/tty
    [ "$said" = secret ] || exit 255
    ;;
greets* | babbles*)
    printf 'Welcome to the cluster!\n\033[1mHave fun\033[0m\n'
    [ "$word" = greets ] || exit 0
    ;;
dies:*)
    (sh -c "$3" &) | head -c "${word#dies:}"
    exit 255
    ;;
esac
exec sh -c "$3"
