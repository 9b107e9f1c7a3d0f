//! The Debian package: built, installed beside a copy of this machine's files, run, upgraded and removed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What happens in a copy of this machine's files. $1 and $2 are packages, the second one newer; $3 is an empty directory.
const LIFE: &str = r#"set -eu
mount -t tmpfs none "$3"
mkdir "$3/upper" "$3/work" "$3/root"
mount -t overlay none -o "lowerdir=/,upperdir=$3/upper,workdir=$3/work" "$3/root"
cd "$3/root"
for shared in proc dev sys; do mount --rbind "/$shared" "$shared"; done
mount -t tmpfs none run
mount -t tmpfs none tmp
cp "$1" tmp/old.deb
cp "$2" tmp/new.deb
ip link set lo up
exec chroot . /bin/sh -c "$4"
"#;

/// The life of the package there.
const INSIDE: &str = r#"set -eu
export DEBIAN_FRONTEND=noninteractive
fail() { echo "FAILED: $*"; cat /tmp/serve.log 2>/dev/null || true; exit 1; }
say() { echo "== $*"; }

say installed
dpkg -i /tmp/old.deb
[ "$(stat -c '%U:%G %a' /etc/rookery/serve.toml)" = 'root:rookery 640' ] || fail 'who reads the configuration'
[ "$(stat -c '%U:%G %a' /etc/rookery)" = 'root:rookery 750' ] || fail 'who reads the directory'
[ ! -e /var/lib/rookery ] || fail 'there is data before a start'
for page in rookery rookery-serve rookery-backup rookery-shard bot-client bot-client-play; do
    gzip -t "/usr/share/man/man1/$page.1.gz" || fail "no page $page"
done
grep -q 'complete.* rookery' /usr/share/bash-completion/completions/rookery || fail completions
units='rookery.service rookery-shard@7101.service rookery-matchmaker.service rookery-gateway.service rookery-backup.service rookery-backup.timer'
for unit in $units; do
    systemd-analyze verify --man=no "$unit" 2>/tmp/verified || fail "$unit: $(cat /tmp/verified)"
    ! grep -q rookery /tmp/verified || fail "$unit: $(cat /tmp/verified)"
done
# The scale of systemd-analyze: up to 2 of 10 is what it calls OK.
for unit in rookery.service rookery-shard@7101.service rookery-matchmaker.service rookery-gateway.service; do
    systemd-analyze security --offline=yes --threshold=20 --no-pager "$unit" >/tmp/exposure || fail "$unit: $(tail -n1 /tmp/exposure)"
done

# As systemd would: the user, the environment and the directories of the unit.
unit=/usr/lib/systemd/system/rookery.service
start() {
    for name in $(sed -n 's/^StateDirectory=//p' $unit); do install -d -o rookery -g rookery -m 700 "/var/lib/$name"; done
    for name in $(sed -n 's/^RuntimeDirectory=//p' $unit); do install -d -o rookery -g rookery "/run/$name"; done
    rm -f /run/rookery/ready.json
    variables=$(sed -n 's/^Environment=//p' $unit)
    program=$(sed -n 's/^ExecStart=//p' $unit)
    setpriv --reuid rookery --regid rookery --init-groups --inh-caps=-all --no-new-privs \
        env $variables $program >>/tmp/serve.log 2>&1 &
    server=$!
    until [ -e /run/rookery/ready.json ]; do
        kill -0 $server || fail 'the service does not start'
        sleep 0.05
    done
}
stop() {
    kill -TERM $server
    wait $server || fail "the service ends with $?"
}

say started
start
rookery healthcheck --admin-listen 127.0.0.1:7300 --probe ready
rookery backup /tmp/club.backup --data-dir /var/lib/rookery
[ "$(stat -c %U:%a /var/lib/rookery)" = rookery:700 ] || fail 'whose data'
key=$(sha256sum /var/lib/rookery/signing-key.pem)
stop

say upgraded
echo '# Mine.' >>/etc/rookery/serve.toml
dpkg -i /tmp/new.deb
grep -q '^# Mine.$' /etc/rookery/serve.toml || fail 'the upgrade has replaced the configuration'
[ "$(dpkg-query -W -f '${Version}' rookery)" = "$NEWER" ] || fail 'which version'
start
rookery healthcheck --admin-listen 127.0.0.1:7300 --probe ready
[ "$(sha256sum /var/lib/rookery/signing-key.pem)" = "$key" ] || fail 'another key'
# Root restores what the user of the service then serves.
rookery restore /tmp/club.backup --data-dir /var/lib/rookery --replace
rookery healthcheck --admin-listen 127.0.0.1:7300 --probe ready
stop
rookery restore /tmp/club.backup --data-dir /var/lib/rookery --replace
start
stop

say removed
dpkg -r rookery
[ ! -e /usr/bin/rookery ] && [ ! -e $unit ] || fail 'something stays'
grep -q '^# Mine.$' /etc/rookery/serve.toml || fail 'the configuration is gone'
dpkg -P rookery
[ ! -e /etc/rookery/serve.toml ] || fail 'the configuration stays'
[ -e /var/lib/rookery/rookery.redb ] || fail 'the data of the club is gone'
say done
"#;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn said(output: &Output) -> String {
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{stdout}\n{stderr}")
}

/// Builds the package of the programs under test; returns its path.
fn build(into: &Path) -> PathBuf {
    let has_tool = Command::new("cargo-deb").arg("--version").output();
    assert!(
        has_tool.is_ok_and(|output| output.status.success()),
        "cargo-deb is missing: run tests/run, which installs it"
    );
    // Built first, as other tests do.
    let programs = tests::process::binary("rookery");
    let target = programs.parent().and_then(Path::parent).unwrap();
    let mut build = Command::new(workspace().join("deploy/debian/build"));
    for (name, _) in std::env::vars_os() {
        let is_cargos =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_cargos) {
            build.env_remove(name);
        }
    }
    let output = build
        .env("CARGO_TARGET_DIR", target)
        .args(["dev", "--fast", "--strip", "--output"])
        .arg(into)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let mut made = std::fs::read_dir(into)
        .unwrap()
        .map(|file| file.unwrap().path());
    let package = made.next().expect("a package");
    assert_eq!(package.extension().unwrap(), "deb");
    package
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same package as of a later version.
fn newer(package: &Path, directory: &Path, version: &str) -> PathBuf {
    let tree = directory.join("tree");
    run(Command::new("dpkg-deb").arg("-R").args([package, &tree]));
    let control = tree.join("DEBIAN/control");
    let text = std::fs::read_to_string(&control).unwrap();
    let lines = text
        .lines()
        .map(|line| match line.strip_prefix("Version: ") {
            Some(_) => format!("Version: {version}\n"),
            None => format!("{line}\n"),
        });
    std::fs::write(&control, lines.collect::<String>()).unwrap();
    let newer = directory.join("newer.deb");
    run(Command::new("dpkg-deb")
        .args(["-Znone", "-b"])
        .args([&tree, &newer]));
    newer
}

#[test]
fn the_package_is_installed_started_upgraded_and_removed() {
    const NEWER: &str = "999.0";
    let directory = tempfile::tempdir().unwrap();
    let [packages, root] = ["packages", "root"].map(|name| {
        let path = directory.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    });
    let package = build(&packages);
    let listed = run(Command::new("dpkg-deb").arg("-c").arg(&package));
    for file in [
        "./usr/bin/rookery",
        "./usr/bin/bot-client",
        "./usr/lib/systemd/system/rookery-shard@.service",
        "./usr/lib/rookery/rookery-tombstone",
        "./usr/share/zsh/vendor-completions/_rookery",
        "./usr/share/fish/vendor_completions.d/bot-client.fish",
        "./usr/share/doc/rookery/club.md",
        "./usr/share/doc/rookery/rookery.cdx.json",
        "./usr/share/doc/rookery/page.cdx.json",
    ] {
        assert!(listed.contains(file), "{file}: {listed}");
    }
    let newer = newer(&package, directory.path(), NEWER);
    let namespaces = ["--mount", "--net", "--"];
    let allowed = Command::new("unshare")
        .args(namespaces)
        .args([
            "sh",
            "-c",
            "[ \"$(id -u)\" = 0 ] && mount -t tmpfs none /mnt && dpkg --version",
        ])
        .stdin(Stdio::null())
        .output();
    if !allowed.as_ref().is_ok_and(|output| output.status.success()) {
        program::complain!(
            "NOT TESTED: the package is built and not installed: this machine gives no right to make \
             namespaces as root, or has no dpkg ({allowed:?})"
        );
        return;
    }
    let mut life = Command::new("unshare");
    life.args(namespaces).args(["sh", "-c", LIFE, "sh"]);
    life.args([&package, &newer, &root])
        .arg(INSIDE)
        .env("NEWER", NEWER);
    let lived = run(&mut life);
    assert!(lived.contains("== done"), "{lived}");
}
