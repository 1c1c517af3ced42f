# The kernels of the emulated machines. Sourced by `run`.
#
# What apt offers for virtual machines is unpacked, not installed: all that such a machine needs to start is in it, and
# its modules are files beside it. Two of them: the distribution's own, and, from its backports, a newer one.

linux=$work/linux
backported_linux=$work/linux-backports

# fetch_linux FOLDER [APT_OPTION...]: the newest that apt offers, unpacked there unless there is one; its trouble goes
# to FOLDER.log
fetch_linux() {
    local folder=$1 metapackage=linux-image-cloud-amd64 package
    shift
    if [[ -e $folder ]]; then
        return
    fi
    package=$(apt-cache "$@" depends "$metapackage" 2>"$folder.log" |
        sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
    if [[ -z $package ]]; then
        echo "apt offers no $metapackage" >>"$folder.log"
        return 1
    fi
    say "downloading $package (log: ${folder#"$root"/}.log)"
    rm -rf "$folder.new"
    mkdir "$folder.new"
    (cd "$folder.new" && apt-get "$@" download "$package" && dpkg-deb -x "$package"_*.deb .) >>"$folder.log" 2>&1 ||
        return 1
    rm "$folder.new/$package"_*.deb
    mv "$folder.new" "$folder"
}

# The distribution's own kernel.
need_linux() {
    local otherwise="unpack a kernel with the module kvm-amd, boot/vmlinuz-* and lib/modules/*, in $linux"
    if [[ ! -e $linux ]]; then
        command -v apt-get >/dev/null || fail "a kernel is missing: $otherwise"
        if ! fetch_linux "$linux"; then
            tail -n 20 "$linux.log" >&2
            fail "a kernel could not be downloaded: refresh apt's lists (sudo apt-get update), or $otherwise"
        fi
    fi
}

# Where apt finds the backports of its distribution: beside the packages of the distribution itself.
backports_source() {
    local codename
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Codename: $codename" \
        'Component: main' 2>>"$backported_linux.log" |
        sed -n "1s|.*|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] & $codename-backports main|p"
}

# The backports' kernel, by an apt with lists of its own: the system's are left as they are. Fails where there is none.
fetch_backported_linux() {
    local apt=$work/apt source options
    if [[ -e $backported_linux ]]; then
        return
    fi
    command -v apt-get >/dev/null && source=$(backports_source) && [[ -n $source ]] || return 1
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    echo "$source" >"$apt/sources.list"
    options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$apt/lists"
        -o "Dir::Cache=$apt")
    apt-get "${options[@]}" update >"$backported_linux.log" 2>&1 &&
        fetch_linux "$backported_linux" "${options[@]}"
}

# linux_release FOLDER: such as 6.1.0-47-cloud-amd64
linux_release() { basename "$1"/boot/vmlinuz-* | sed 's/^vmlinuz-//'; }

# is_at_least RELEASE VERSION
is_at_least() { printf '%s\n' "$2" "$1" | sort -C -V; }
