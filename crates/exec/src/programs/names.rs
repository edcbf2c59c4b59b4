//! The names, each list apart by white space.

/// Reads, prints or measures, and can be told to do nothing else.
pub(super) const PLAIN: &str = "\
    [ arch base32 base64 basename cal cat cksum cmp comm cut date df diff dirname du echo expand expr
    factor false fmt fold free getconf getent grep groups head hexdump hostid hostname id iostat join jq
    locale logname ls lsblk lscpu lsmod lsof lspci lsusb md5sum mpstat nl nproc numfmt od paste pgrep
    pidof printenv printf ps pwd readlink realpath rev seq sha1sum sha224sum sha256sum sha384sum
    sha512sum sleep stat strings sum sw_vers sync tac tail test tr true tsort tty uname unexpand uptime
    users vmstat w wc who whoami";

/// Shells.
pub(super) const SHELLS: &str = "\
    ash bash cmd cmd.exe csh dash elvish fish ion ksh ksh93 mksh nu oksh osh posh powershell pwsh rbash
    rksh rzsh sh tcsh xonsh yash zsh";

/// Runs code from its arguments, a file or its input.
pub(super) const INTERPRETERS: &str = "\
    R Rscript awk bc bun clojure coffee crystal dc deno dotnet ed elixir erl escript ex expect gawk gdb
    ghc ghci gnuplot groovy gsed guile iex ipython irb java javac jruby jshell julia kotlin lein lldb
    lua luajit m4 mawk mysql nawk node nodejs npx ocaml octave original-awk osascript perl perl5 php pip
    pipx psql pypy python pythonw racket ruby runghc runhaskell sbcl scala scheme sed sqlite sqlite3
    swift tclsh ts-node tsx uv uvx wish";

/// Can be told to run, load, overwrite or destroy something.
pub(super) const CARRIERS: &str = "\
    7z abduco ansible apt apt-get aptitude ar at bat batch bazel bmake brew bsdtar buildah bundle busctl
    busybox bwrap c++ capsh cargo catchsegv cc cgexec chmod choom chown chroot chrt clang cmake composer
    cp cpio cpulimit crontab csplit curl dbus-send dd dmsetup dnf doas docker dpkg dpkg-query dtach
    dumpcap elinks emacs emacsclient entr env-parallel eqn fakeroot fd fdfind find firejail flock fzf
    g++ gcc gem gh git gmake go gradle groff gtar gtester helm hg htop hyperfine info install ionice ip
    journalctl just kill killall kubectl launchctl ld ld-linux ld.so ldd less lftp links linux32 linux64
    ln logger loginctl logsave look ltrace lynx machinectl mail mailx make man meson mkfifo more most
    mount mutt mv mvn nano nc ncat ncftp netcat newgrp nice-run ninja nix nix-shell nmap nohup-run npm
    nsenter numactl nvim open openclaw openssl openvpn parallel patch pdb perf pg pico pkexec pkill pnpm
    podman prlimit proot ptx pv rake readelf restic rg rlwrap rm rpm rsync run-mailcap run-parts runc
    runcon runuser rustc rview rvim scp screen script scriptreplay setarch setpriv setsid sftp sg shred
    slsh snap socat softlimit sort split ssh ssh-keygen ssh-keyscan sshpass start-stop-daemon strace su
    sudo sudoedit svn systemctl systemd-inhibit systemd-run tar task taskset tcpdump tee telnet
    terraform time tmux toolbox top torify torsocks trickle truncate truss tshark turbo uclampset
    unbuffer unshare unzip update-alternatives vagrant valgrind vi view vim vimdiff virsh visudo w3m
    wall watch watchexec wget whiptail wsl xargs xdg-open xdotool xmodmap xterm xvfb-run yarn yum zip
    zsoelim zypper";

/// Means something else inside a shell.
pub(super) const BUILTINS: &str = "\
    . : alias bg bind break builtin caller cd command compgen complete continue declare dirs disown
    enable eval exec exit export fc fg getopts hash help history jobs let local logout mapfile popd
    pushd read readarray readonly return set shift shopt source suspend times trap type typeset ulimit
    umask unalias unset wait";

/// What `find` may be told without running or changing anything.
pub(super) const FIND_TESTS: &str = "\
    -H -L -P -a -amin -and -atime -cmin -ctime -depth -empty -executable -false -group -iname -inum
    -ipath -iregex -links -maxdepth -mindepth -mmin -mount -mtime -name -newer -nogroup -not -nouser -o
    -or -path -perm -print -print0 -prune -readable -regex -samefile -size -true -type -uid -user
    -writable -xdev";
