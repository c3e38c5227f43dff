/* Between a process and the C library: counts, records, fails or ends at the calls that touch one folder.

   Loaded with LD_PRELOAD, so it sees what Python, HDF5 and every other library really ask of the system.
   gcc -shared -fPIC -O2 -o shim.so shim.c
*/
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN = 1, CREATE = 2, WRITE = 4, FSYNC = 8, RENAME = 16, UNLINK = 32, MKDIR = 64, TRUNCATE = 128,
       CLOSE = 256, READ = 512 };
enum { ONCE = 1, ON = 2, SHORT_ONCE = 3, SHORT_ON = 4, INTERRUPT = 5, KILL = 6 };

static struct { char folder[4096]; unsigned kinds; long nth; int error, mode, trace; } armed = {.trace = -1};
static char ours[65536]; /* which descriptors lie in the folder */
static long calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void shim_arm(const char *folder, unsigned kinds, long nth, int error, int mode, int trace) {
    snprintf(armed.folder, sizeof armed.folder, "%s", folder);
    armed.kinds = kinds, armed.nth = nth, armed.error = error, armed.mode = mode, armed.trace = trace;
    calls = 0;
}
long shim_calls(void) { return calls; }

static int inside(const char *path) {
    size_t length = strlen(armed.folder);
    return length && path && !strncmp(path, armed.folder, length) && (path[length] == '/' || !path[length]);
}
static int mine(int fd) { return fd >= 0 && fd < (int)sizeof ours && ours[fd]; }

/* 0: go on; -1: fail with errno set; 1: write only a part. */
static int fate(unsigned kind) {
    if (!armed.mode || !(armed.kinds & kind)) {
        if (armed.kinds & kind) calls++;
        return 0;
    }
    pthread_mutex_lock(&lock);
    long n = ++calls;
    pthread_mutex_unlock(&lock);
    if (n < armed.nth) return 0;
    switch (armed.mode) {
    case KILL: if (n == armed.nth) kill(getpid(), SIGKILL); return 0;
    case ONCE: if (n != armed.nth) return 0; errno = armed.error; return -1;
    case ON: errno = armed.error; return -1;
    case SHORT_ONCE: return kind == WRITE && n == armed.nth;
    case SHORT_ON: return kind == WRITE;
    case INTERRUPT:
        if (n > armed.nth + 1) return 0;
        errno = n == armed.nth ? EINTR : armed.error;
        return -1;
    }
    return 0;
}

static void put(const void *data, size_t size) {
    const char *at = data;
    while (size) {
        long done = syscall(SYS_write, armed.trace, at, size);
        if (done <= 0) return;
        at += done, size -= done;
    }
}
static void record(const char *what, int fd, const char *a, const char *b, long long offset, const void *data, size_t size) {
    if (armed.trace < 0) return;
    char line[9000];
    int length = snprintf(line, sizeof line, "%s\t%d\t%s\t%s\t%lld\t%zu\n", what, fd, a, b, offset, size);
    pthread_mutex_lock(&lock);
    put(line, length);
    put(data, size);
    pthread_mutex_unlock(&lock);
}
void shim_mark(const void *data, size_t size) { record("mark", -1, "", "", 0, data, size); }

static int opened(int fd, const char *path, int flags, int existed) {
    if (fd < 0) return fd;
    if (fd < (int)sizeof ours) ours[fd] = 1;
    int kept = errno;
    record(flags & O_CREAT && !existed ? "create" : flags & O_TRUNC ? "empty" : "open", fd, path, "", 0, "", 0);
    errno = kept;
    return fd;
}
static int open_any(int folder, const char *path, int flags, mode_t mode) {
    if (!inside(path)) {
        int fd = syscall(SYS_openat, folder, path, flags, mode);
        if (fd >= 0 && fd < (int)sizeof ours) ours[fd] = 0;
        return fd;
    }
    int writes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
    if (fate(writes ? CREATE : OPEN) < 0) return -1;
    int existed = !access(path, F_OK);
    return opened(syscall(SYS_openat, folder, path, flags, mode), path, flags, existed);
}
#define MODE(after) mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, after); \
    mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return open_any(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return open_any(folder, path, flags, mode); }

ssize_t write(int fd, const void *data, size_t size) {
    if (!mine(fd)) return syscall(SYS_write, fd, data, size);
    int what = fate(WRITE);
    if (what < 0) return -1;
    if (what && size > 1) size /= 2;
    long long at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_write, fd, data, size);
    if (done > 0) record("write", fd, "", "", at, data, done);
    return done;
}
static ssize_t pwrite_any(int fd, const void *data, size_t size, off_t at) {
    if (!mine(fd)) return syscall(SYS_pwrite64, fd, data, size, at);
    int what = fate(WRITE);
    if (what < 0) return -1;
    if (what && size > 1) size /= 2;
    ssize_t done = syscall(SYS_pwrite64, fd, data, size, at);
    if (done > 0) record("write", fd, "", "", at, data, done);
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite_any(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return pwrite_any(fd, data, size, at); }
ssize_t read(int fd, void *data, size_t size) {
    if (mine(fd) && fate(READ) < 0) return -1;
    return syscall(SYS_read, fd, data, size);
}
static ssize_t pread_any(int fd, void *data, size_t size, off_t at) {
    if (mine(fd) && fate(READ) < 0) return -1;
    return syscall(SYS_pread64, fd, data, size, at);
}
ssize_t pread(int fd, void *data, size_t size, off_t at) { return pread_any(fd, data, size, at); }
ssize_t pread64(int fd, void *data, size_t size, off_t at) { return pread_any(fd, data, size, at); }
static int sync_any(int fd, long number) {
    if (!mine(fd)) return syscall(number, fd);
    if (fate(FSYNC) < 0) return -1;
    int done = syscall(number, fd);
    if (!done) record("fsync", fd, "", "", 0, "", 0);
    return done;
}
int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }
static int truncate_any(int fd, off_t size) {
    if (!mine(fd)) return syscall(SYS_ftruncate, fd, size);
    if (fate(TRUNCATE) < 0) return -1;
    int done = syscall(SYS_ftruncate, fd, size);
    if (!done) record("truncate", fd, "", "", size, "", 0);
    return done;
}
int ftruncate(int fd, off_t size) { return truncate_any(fd, size); }
int ftruncate64(int fd, off_t size) { return truncate_any(fd, size); }
int close(int fd) {
    int was = mine(fd), failed = 0;
    if (was) failed = fate(CLOSE) < 0, ours[fd] = 0;
    int kept = errno, done = syscall(SYS_close, fd);
    if (failed) { errno = kept; return -1; }
    return done;
}
int rename(const char *a, const char *b) {
    if (!inside(a) && !inside(b)) return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0);
    if (fate(RENAME) < 0) return -1;
    int done = syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0);
    if (!done) record("rename", -1, a, b, 0, "", 0);
    return done;
}
static int link_any(int from, const char *a, int to, const char *b, int flags) {
    if (!inside(a) && !inside(b)) return syscall(SYS_linkat, from, a, to, b, flags);
    if (fate(RENAME) < 0) return -1; /* it gives a name, as renaming does */
    int done = syscall(SYS_linkat, from, a, to, b, flags);
    if (!done) record("link", -1, a, b, 0, "", 0);
    return done;
}
int link(const char *a, const char *b) { return link_any(AT_FDCWD, a, AT_FDCWD, b, 0); }
int linkat(int from, const char *a, int to, const char *b, int flags) { return link_any(from, a, to, b, flags); }
int unlink(const char *path) {
    if (!inside(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (fate(UNLINK) < 0) return -1;
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!done) record("unlink", -1, path, "", 0, "", 0);
    return done;
}
int mkdir(const char *path, mode_t mode) {
    if (!inside(path)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (fate(MKDIR) < 0) return -1;
    int done = syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (!done) record("mkdir", -1, path, "", 0, "", 0);
    return done;
}
