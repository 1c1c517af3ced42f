# Building what an emulated machine starts with. Sourced by `run`.
#
# An initramfs holds busybox, the kernel's modules, programs and the shared libraries they need, each library under the
# path it has here, and what is in `guest`, of which `init` is process 1.

# begin_initramfs FOLDER: a new one, in FOLDER
begin_initramfs() {
    local initramfs=$1 folder
    mkdir "$initramfs" "$initramfs"/{bin,dev,proc,sys,tmp,modules,sbin,tests}
    cp "$here"/guest/{init,*.sh} "$initramfs"
    cp "$(command -v busybox)" "$initramfs/bin/busybox"
    ln -s busybox "$initramfs/bin/sh"
    # a library is found under each of its paths, as here
    mkdir -p "$initramfs"/usr/lib{,64}
    for folder in lib lib64; do
        if [[ -L /$folder ]]; then
            cp -P "/$folder" "$initramfs"
        fi
    done
    : >"$initramfs/modules/list"
}

# end_initramfs FOLDER ARCHIVE: the folder's archive; the folder is gone
end_initramfs() {
    pack "$1" | gzip -1 >"$2"
    rm -r "$1"
}

# pack FOLDER: its archive, on standard output. The kernel unpacks several, one behind the other.
pack() { (cd "$1" && find . | busybox cpio -o -H newc 2>/dev/null); }

# add_programs INITRAMFS FOLDER PROGRAM...: to that folder of it, and the libraries they need
add_programs() {
    local initramfs=$1 folder=$2
    shift 2
    mkdir -p "$initramfs/$folder"
    cp "$@" "$initramfs/$folder"
    add_libraries "$initramfs" "$@"
}

# add_libraries INITRAMFS OBJECT...: the shared libraries these programs and libraries need, under their paths
add_libraries() {
    local initramfs=$1 libraries
    shift
    # busybox may be static, which ldd takes for an error; libgcc_s is what pthread_exit loads when it is called
    libraries=$(ldd "$(command -v busybox)" 2>/dev/null || true
        ldd "$@"
        echo "libgcc_s.so.1 => $(readlink -f "$("${CC:-cc}" -print-file-name=libgcc_s.so.1)") (0x0)")
    if [[ $libraries == *'not found'* ]]; then
        fail "a shared library is missing: $libraries"
    fi
    sed -n 's/^[^/]*\(\/.*\) (0x[0-9a-f]*)$/\1/p' <<<"$libraries" | sort -u |
        xargs -r -d '\n' -I LIBRARY cp -L --parents LIBRARY "$initramfs"
}

# add_module INITRAMFS LINUX NAME [ARGUMENT...]: the module behind those it depends on, if they are not there yet
add_module() {
    local initramfs=$1 linux=$2 name=$3 file dependency
    shift 3
    if [[ -e $initramfs/modules/$name.ko ]]; then
        return
    fi
    # a file's name may have - where the module's has _
    local pattern=${name//[-_]/[-_]}
    if grep -q "/$pattern\.ko\$" "$linux"/lib/modules/*/modules.builtin; then
        return
    fi
    file=$(find "$linux/lib/modules" -name "$pattern.ko*" -print -quit)
    case $file in
        *.ko) cp "$file" "$initramfs/modules/$name.ko" ;;
        *.ko.xz) busybox unxz -c "$file" >"$initramfs/modules/$name.ko" ;;
        '') fail "the kernel in $linux has no module $name" ;;
        *) fail "the kernel's modules are compressed in a way not known here: $file" ;;
    esac
    # a module's own description is a sequence of strings, each ended by a zero byte
    for dependency in $(tr '\0,' '\n ' <"$initramfs/modules/$name.ko" | sed -n 's/^depends=//p'); do
        add_module "$initramfs" "$linux" "$dependency"
    done
    echo "$name.ko $*" >>"$initramfs/modules/list"
}
