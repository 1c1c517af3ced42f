# Runs the tests named in /tests/list. Sourced by `init`. Reports:
#     begin TEST
#     | a line of the test's output, all of them when it has ended
#     end TEST EXIT_STATUS SECONDS

if [ -d /pmem ]; then
    # MAP_SYNC works below it
    export VELLUM_TEST_DAX=/pmem
fi
# shellcheck disable=SC2013 # names without spaces
for test in $(cat /tests/list); do
    echo "begin $test" >&3
    echo "init: $test"
    begin=$(cut -d ' ' -f 1 /proc/uptime)
    status=0
    # its output to the console too at once: if it takes the machine with it, this is what is left
    # shellcheck disable=SC2154 # set by the kernel's command line
    { timeout -s KILL "$test_seconds" "/tests/$test" </dev/null 2>&1 3>&- || echo $? >/tmp/status; } | tee /tmp/output
    if [ -e /tmp/status ]; then
        read -r status </tmp/status
        rm /tmp/status
    fi
    end=$(cut -d ' ' -f 1 /proc/uptime)
    awk '{ print "| " $0 }' /tmp/output >&3
    echo "end $test $status $(awk "BEGIN { printf \"%.1f\", $end - $begin }")" >&3
done
