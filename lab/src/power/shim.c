/*
 * Remembers what a process has written and not flushed, so that a power cut can be played after `kill -9`.
 *
 * Preloaded (LD_PRELOAD) into a program that stores things. Of all files below ROOKERY_POWER_DIRECTORY it notes in the file
 * ROOKERY_POWER_LOG, before each change, what the change is and what was there before; and each flush, once it is done. What a
 * crash of the machine may leave of changes that were not flushed is chosen by who reads that log (mod.rs). A file that is
 * deleted or replaced gets another name beside the log, so that it can come back. A flush begins ROOKERY_POWER_FLUSH_MS later
 * than it is asked for, as on a slow disk, so that power cuts come before it.
 *
 * Not seen: memory maps, and what is written by the streams of stdio (fopen), which counts as flushed at once.
 *
 * A record is a head and its three parts, numbers in the byte order of the machine:
 *   kind u32, inode u64, at u64, size u64, lengths of path, before and after u32 each; then those bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE, FLUSH, CREATE, RENAME, UNLINK, FLUSH_DIRECTORY };

#define FILES_MAX 65536

struct head {
    uint32_t kind, unused;
    uint64_t inode, at, size;
    uint32_t path, before, after, unused_too;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char directory[PATH_MAX], log_path[PATH_MAX];
static size_t directory_len;
static int log_file = -1;
static useconds_t flush_us;
/* The path of each open file below the directory. */
static char *paths[FILES_MAX];

static int (*real_openat)(int, const char *, int, ...);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_close)(int);
static int (*real_renameat)(int, const char *, int, const char *);
static int (*real_unlinkat)(int, const char *, int);

static void give_up(const char *why) {
    dprintf(2, "power shim: %s: %s\n", why, strerror(errno));
    _exit(97);
}

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        errno = ENOSYS;
        give_up(name);
    }
    return found;
}

/* No other thread holds the lock in the copy that a fork makes. */
static void before_fork(void) {
    pthread_mutex_lock(&lock);
}

static void after_fork(void) {
    pthread_mutex_unlock(&lock);
}

static void begin(void) {
    static int has_begun;
    if (has_begun) return;
    has_begun = 1;
    real_openat = real("openat64");
    real_pwrite = real("pwrite64");
    real_write = real("write");
    real_ftruncate = real("ftruncate64");
    real_fsync = real("fsync");
    real_fdatasync = real("fdatasync");
    real_close = real("close");
    real_renameat = real("renameat");
    real_unlinkat = real("unlinkat");
    const char *of = getenv("ROOKERY_POWER_DIRECTORY"), *to = getenv("ROOKERY_POWER_LOG");
    if (!of || !to || !realpath(of, directory)) return;
    directory_len = strlen(directory);
    const char *ms = getenv("ROOKERY_POWER_FLUSH_MS");
    flush_us = ms ? 1000 * atoi(ms) : 0;
    snprintf(log_path, sizeof log_path, "%s", to);
    log_file = real_openat(AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_file < 0) give_up(to);
    pthread_atfork(before_fork, after_fork, after_fork);
}

__attribute__((constructor)) static void constructed(void) {
    begin();
}

/* The absolute path of a name, if it is below the directory; the name itself need not exist. */
static int is_below(int at, const char *name, char path[PATH_MAX]) {
    char parent[PATH_MAX], whole[PATH_MAX * 2];
    begin();
    if (log_file < 0 || !name) return 0;
    if (name[0] == '/' || at == AT_FDCWD) {
        snprintf(whole, sizeof whole, "%s", name);
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t len = readlink(link, parent, sizeof parent - 1);
        if (len < 0) return 0;
        parent[len] = 0;
        snprintf(whole, sizeof whole, "%s/%s", parent, name);
    }
    char *slash = strrchr(whole, '/');
    const char *last = slash ? slash + 1 : whole;
    if (slash) *slash = 0;
    const char *above = slash ? (slash == whole ? "/" : whole) : ".";
    if (!realpath(above, parent)) return 0;
    if (snprintf(path, PATH_MAX, "%s/%s", parent, last) >= PATH_MAX) return 0;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') path[--len] = 0;
    return strncmp(path, directory, directory_len) == 0 && (path[directory_len] == '/' || path[directory_len] == 0);
}

static void note(uint32_t kind, uint64_t inode, uint64_t at, uint64_t size, const char *path, const void *before,
                 size_t before_len, const struct iovec *after, int parts) {
    struct head head = {.kind = kind, .inode = inode, .at = at, .size = size};
    size_t after_len = 0;
    for (int i = 0; i < parts; i++) after_len += after[i].iov_len;
    head.path = strlen(path);
    head.before = before_len;
    head.after = after_len;
    size_t len = sizeof head + head.path + before_len + after_len;
    char *record = malloc(len), *end = record;
    if (!record) give_up("no memory");
    end = mempcpy(end, &head, sizeof head);
    end = mempcpy(end, path, head.path);
    if (before_len) end = mempcpy(end, before, before_len);
    for (int i = 0; i < parts; i++) end = mempcpy(end, after[i].iov_base, after[i].iov_len);
    if (real_write(log_file, record, len) != (ssize_t)len) give_up(log_path);
    free(record);
}

/* Notes a write of `parts` at `at`, or of a truncation to `at`. */
static void note_change(uint32_t kind, int file, off64_t at, const struct iovec *parts, int count) {
    struct stat64 stat;
    if (fstat64(file, &stat)) give_up("fstat");
    size_t len = 0;
    for (int i = 0; i < count; i++) len += parts[i].iov_len;
    off64_t end = kind == TRUNCATE || at + (off64_t)len > stat.st_size ? stat.st_size : at + (off64_t)len;
    size_t before_len = end > at ? end - at : 0;
    char *before = malloc(before_len + 1);
    if (!before) give_up("no memory");
    if (before_len) {
        /* The file may be open for writing only. */
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        int reading = real_openat(AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
        if (reading < 0) give_up("reading what is there");
        size_t got = 0;
        while (got < before_len) {
            ssize_t more = pread64(reading, before + got, before_len - got, at + got);
            if (more <= 0) give_up("reading what is there");
            got += more;
        }
        real_close(reading);
    }
    note(kind, stat.st_ino, at, stat.st_size, paths[file], before, before_len, parts, count);
    free(before);
}

static int is_ours(int file) {
    begin();
    return log_file >= 0 && file >= 0 && file < FILES_MAX && paths[file];
}

static int opened(int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    if (!is_below(at, name, path)) return real_openat(at, name, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat64 stat;
    int is_new = flags & O_CREAT && lstat64(path, &stat) && errno == ENOENT;
    if (flags & O_TRUNC && !is_new) {
        /* Its content goes: as a truncation of its own. */
        int file = real_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
        if (file >= 0 && file < FILES_MAX) {
            paths[file] = path;
            note_change(TRUNCATE, file, 0, NULL, 0);
            paths[file] = NULL;
            real_close(file);
        }
    }
    int file = real_openat(at, name, flags, mode);
    int error = errno;
    if (file >= FILES_MAX) give_up("too many files");
    if (file >= 0) {
        if (is_new && !fstat64(file, &stat)) note(CREATE, stat.st_ino, 0, 0, path, NULL, 0, NULL, 0);
        free(paths[file]);
        paths[file] = strdup(path);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return file;
}

#define MODE(flags)                                                                                                                \
    mode_t mode = 0;                                                                                                               \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) {                                                                 \
        va_list rest;                                                                                                              \
        va_start(rest, flags);                                                                                                     \
        mode = va_arg(rest, mode_t);                                                                                               \
        va_end(rest);                                                                                                              \
    }

int open(const char *name, int flags, ...) {
    MODE(flags)
    begin();
    return opened(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...) {
    MODE(flags)
    begin();
    return opened(AT_FDCWD, name, flags | O_LARGEFILE, mode);
}

int openat(int at, const char *name, int flags, ...) {
    MODE(flags)
    begin();
    return opened(at, name, flags, mode);
}

int openat64(int at, const char *name, int flags, ...) {
    MODE(flags)
    begin();
    return opened(at, name, flags | O_LARGEFILE, mode);
}

int close(int file) {
    begin();
    if (is_ours(file)) {
        pthread_mutex_lock(&lock);
        free(paths[file]);
        paths[file] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return real_close(file);
}

static off64_t place(int file) {
    int flags = fcntl(file, F_GETFL);
    return flags >= 0 && flags & O_APPEND ? lseek64(file, 0, SEEK_END) : lseek64(file, 0, SEEK_CUR);
}

ssize_t write(int file, const void *bytes, size_t len) {
    begin();
    if (!is_ours(file)) return real_write(file, bytes, len);
    pthread_mutex_lock(&lock);
    struct iovec part = {(void *)bytes, len};
    note_change(WRITE, file, place(file), &part, 1);
    ssize_t written = real_write(file, bytes, len);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

ssize_t pwrite64(int file, const void *bytes, size_t len, off64_t at) {
    begin();
    if (!is_ours(file)) return real_pwrite(file, bytes, len, at);
    pthread_mutex_lock(&lock);
    struct iovec part = {(void *)bytes, len};
    note_change(WRITE, file, at, &part, 1);
    ssize_t written = real_pwrite(file, bytes, len, at);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

ssize_t pwrite(int file, const void *bytes, size_t len, off_t at) {
    return pwrite64(file, bytes, len, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    static ssize_t (*real_writev)(int, const struct iovec *, int);
    begin();
    if (!real_writev) real_writev = real("writev");
    if (!is_ours(file)) return real_writev(file, parts, count);
    pthread_mutex_lock(&lock);
    note_change(WRITE, file, place(file), parts, count);
    ssize_t written = real_writev(file, parts, count);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

int ftruncate64(int file, off64_t len) {
    begin();
    if (!is_ours(file)) return real_ftruncate(file, len);
    pthread_mutex_lock(&lock);
    note_change(TRUNCATE, file, len, NULL, 0);
    int result = real_ftruncate(file, len), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int ftruncate(int file, off_t len) {
    return ftruncate64(file, len);
}

/* Those who ask for room or for a copy in the kernel fall back to writing. */
int fallocate(int file, int mode, off_t at, off_t len) {
    static int (*real_fallocate)(int, int, off64_t, off64_t);
    begin();
    if (!real_fallocate) real_fallocate = real("fallocate64");
    if (!is_ours(file)) return real_fallocate(file, mode, at, len);
    errno = EOPNOTSUPP;
    return -1;
}

int fallocate64(int file, int mode, off64_t at, off64_t len) {
    return fallocate(file, mode, at, len);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags) {
    static ssize_t (*real_copy)(int, off64_t *, int, off64_t *, size_t, unsigned);
    begin();
    if (!real_copy) real_copy = real("copy_file_range");
    if (!is_ours(to)) return real_copy(from, from_at, to, to_at, len, flags);
    errno = ENOSYS;
    return -1;
}

static int flushed(int file, int (*flush)(int)) {
    if (!is_ours(file)) return flush(file);
    usleep(flush_us);
    pthread_mutex_lock(&lock);
    int result = flush(file), error = errno;
    struct stat64 stat;
    if (result == 0 && !fstat64(file, &stat)) {
        uint32_t kind = S_ISDIR(stat.st_mode) ? FLUSH_DIRECTORY : FLUSH;
        note(kind, stat.st_ino, 0, 0, paths[file], NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int file) {
    begin();
    return flushed(file, real_fsync);
}

int fdatasync(int file) {
    begin();
    return flushed(file, real_fdatasync);
}

/* Gives the file of this path another name beside the log. Returns its number, 0 if there is none. */
static uint64_t keep(const char *path) {
    static uint64_t last;
    struct stat64 stat;
    if (lstat64(path, &stat)) return 0;
    char kept[PATH_MAX + 32];
    for (;;) {
        last++;
        snprintf(kept, sizeof kept, "%s.%llu", log_path, (unsigned long long)last);
        if (!link(path, kept)) return last;
        if (errno != EEXIST) give_up("the log must be on the file system of the directory");
    }
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    char before[PATH_MAX], after[PATH_MAX];
    begin();
    if (!is_below(from_at, from, before) || !is_below(to_at, to, after)) return real_renameat(from_at, from, to_at, to);
    pthread_mutex_lock(&lock);
    struct stat64 stat = {0};
    lstat64(before, &stat);
    uint64_t kept = keep(after);
    struct iovec target = {after, strlen(after)};
    note(RENAME, stat.st_ino, kept, 0, before, NULL, 0, &target, 1);
    int result = real_renameat(from_at, from, to_at, to), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int at, const char *name, int flags) {
    char path[PATH_MAX];
    begin();
    if (flags & AT_REMOVEDIR || !is_below(at, name, path)) return real_unlinkat(at, name, flags);
    pthread_mutex_lock(&lock);
    struct stat64 stat = {0};
    lstat64(path, &stat);
    uint64_t kept = keep(path);
    note(UNLINK, stat.st_ino, kept, 0, path, NULL, 0, NULL, 0);
    int result = real_unlinkat(at, name, flags), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int unlink(const char *name) {
    return unlinkat(AT_FDCWD, name, 0);
}
