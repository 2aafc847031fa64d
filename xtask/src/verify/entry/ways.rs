//! The ways to start and load programs and libraries, and what they print then.

use super::shell;
use anyhow::Result;
use std::path::Path;

/// What runs a command with mounts of its own.
const IN_NAMESPACE: &str = "unshare --user --map-root-user --mount";

/// One way to start or load something.
pub(super) struct Way {
    pub(super) name: &'static str,
    /// For the shell.
    pub(super) command: String,
    /// What the lines of its output contain. A worker that reaches `main` would print lines of its own.
    pub(super) expected: &'static [&'static str],
}

const WORKS: &[&str] = &["main, 1 threads", "sum 380"];

/// All ways that can be tried here, with the programs in two folders, a third for what is made of them, and the program in C++.
/// The text says what can't be tried.
pub(super) fn all(
    programs: &Path,
    static_programs: &Path,
    folder: &Path,
    cpp: Option<&Path>,
) -> Result<(Vec<Way>, String)> {
    let mut ways = without_namespaces(programs, static_programs, folder);
    let mut not_tried = String::new();
    match cpp {
        Some(cpp) => ways.extend(in_cpp(cpp)),
        None => not_tried += "- static initialisers of C++ are not tried: there is no C++ compiler\n",
    }
    if shell(&format!("{IN_NAMESPACE} true"))?.success {
        ways.extend(in_namespaces(programs, folder));
    } else {
        not_tried += "- not tried without /proc and with read-only file systems: not everybody may have namespaces here\n";
    }
    Ok((ways, not_tried))
}

fn without_namespaces(programs: &Path, static_programs: &Path, folder: &Path) -> Vec<Way> {
    let way = |name, command: String, expected| Way {
        name,
        command,
        expected,
    };
    let [programs, static_programs, folder] = [programs, static_programs, folder].map(|path| path.display());
    let (plain, versions) = (format!("{programs}/plain"), format!("{programs}/versions"));
    let (plugin, other) = (
        format!("{programs}/libplugin.so"),
        format!("{folder}/libother.so"),
    );
    let host = format!("cp {plugin} {other} && {programs}/host");
    vec![
        way("a program", plain.clone(), WORKS),
        way(
            "a stripped program",
            format!("strip -s -o {folder}/stripped {plain} && {folder}/stripped"),
            WORKS,
        ),
        way(
            "a static, stripped program that aborts on panics, with fat link-time optimisation",
            format!("{static_programs}/plain"),
            WORKS,
        ),
        way(
            "two libraries in a program without Trine",
            format!("{host} {plugin} {other}"),
            &["main", "plugin 570", "plugin 570"],
        ),
        way(
            "a library that is preloaded into a program without Trine",
            format!("cp {plugin} {other} && LD_PRELOAD={plugin} {programs}/host {plugin} {other}"),
            &["main", "plugin 570", "plugin 570"],
        ),
        way(
            "a library that is deleted once it was loaded",
            format!("{host} delete {other}"),
            &[
                "main",
                "plugin error: the library that contains Trine was deleted",
            ],
        ),
        way(
            "a library that is deleted while it has a pool",
            format!("cp {plugin} {other} && DELETE={other} {programs}/host {other}"),
            &["main", "the library that contains Trine was deleted"],
        ),
        way(
            "a library whose path can't be preloaded",
            format!("cp {plugin} '{folder}/a blank.so' && {programs}/host '{folder}/a blank.so'"),
            &[
                "main",
                "plugin error: the path of the library that contains Trine",
            ],
        ),
        way(
            "two versions and two libraries in one program",
            format!("cp {plugin} {other} && {versions} {plugin} {other}"),
            &[
                "main",
                "plugin 570",
                "plugin 570",
                "this version 6",
                "next version 15",
                "this version 7",
                "next version 8",
            ],
        ),
        way(
            "a copy of the executable as the worker",
            format!("{plain} {plain}"),
            WORKS,
        ),
        way(
            "another build as the worker",
            format!("{plain} {versions}"),
            &["main", "runs another build of this program"],
        ),
        way(
            "a program started by the loader",
            format!("$(ls /lib*/ld-linux-* | head -n 1) {plain}"),
            &["main", "worker_executable"],
        ),
        way(
            "a program started by the loader, with the executable as the worker",
            format!("$(ls /lib*/ld-linux-* | head -n 1) {plain} {plain}"),
            WORKS,
        ),
        way(
            "workers switched off",
            format!("TRINE_PROCESSES=off {plain}"),
            &["main", "TRINE_PROCESSES"],
        ),
    ]
}

/// Ways of a program with static initialisers before and after the entry of workers. The earlier ones start a thread, build
/// a pool, and have an effect.
fn in_cpp(program: &Path) -> Vec<Way> {
    const MAIN: &str = "main: early 1, late 1, pools 1";
    let program = program.display();
    let way = |name, command, expected| Way {
        name,
        command,
        expected,
    };
    vec![
        way(
            "static initialisers of C++",
            format!("{program}"),
            &[MAIN, "task: early 1, late 0, pools 0"],
        ),
        way(
            "static initialisers of C++, workers enter in main",
            format!("HOW=main {program}"),
            &[MAIN, "task: early 1, late 1, pools 0"],
        ),
        way(
            "workers should enter in main, and main does not have it",
            format!("HOW=forget {program}"),
            &[
                MAIN,
                "main: early 1, late 1, pools 0",
                "error: this process is a worker of a process pool",
                "ended before it was ready",
            ],
        ),
    ]
}

/// Ways with other file systems, one of which is mounted on a folder in `folder`.
fn in_namespaces(programs: &Path, folder: &Path) -> Vec<Way> {
    let plain = format!("{}/plain", programs.display());
    let mount = format!("{}/mount", folder.display());
    let way = |name, command: String, expected| Way {
        name,
        command: format!("mkdir -p {mount} && {IN_NAMESPACE} sh -c '{command}'"),
        expected,
    };
    vec![
        way(
            "no /proc",
            format!("mount -t tmpfs none /proc && {plain}"),
            &["main", "Is /proc mounted?"],
        ),
        way(
            "no /proc, with the executable as the worker",
            format!("mount -t tmpfs none /proc && {plain} {plain}"),
            &["main", "sum 380"],
        ),
        way(
            "nothing is writable",
            format!(
                "mount -t tmpfs -o ro none {mount} && mount -o remount,bind,ro / && TMPDIR={mount} {plain}"
            ),
            WORKS,
        ),
    ]
}
