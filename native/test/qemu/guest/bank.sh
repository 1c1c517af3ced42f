# Runs a process of the crash test on persistent memory, for as long as this machine is left alive. Sourced by `init`.
#
# /plan is what the process is to do, /java the arguments of its JVM. Its reports are those of CrashTestApplication, and,
# should it end:
#     exit STATUS
# A report is out when the serial line has taken it, so an acknowledgement that `run` has heard was given before the
# machine was killed, however late it is heard.

mkdir /vellum
# the read-only disk: a Java runtime and the distribution
mount -t ext4 -o ro /dev/vda /vellum
mkdir -p /pmem/regions
status=0
/vellum/java/bin/java @/java >&3 || status=$?
echo "exit $status" >&3
