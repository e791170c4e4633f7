/*
 * Stands between a program and libc (LD_PRELOAD) and makes the Nth call of a kind fail, where it concerns a file below one
 * folder. It is told what to do, and says what it saw, through a page that it shares with the test: see shim.ts, which has
 * the same layout. Names that are looked up by dlsym, as koffi does, lead here too.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { OPEN, READ, WRITE, SYNC, MSYNC, FALLOCATE, TRUNCATE, RENAME, UNLINK, CLOSE, MMAP, MKDIR, LIST, LINK, POPULATE, COPY, STAT, CALLS };

/* fail: it does nothing and says so. after: it does all and says that it failed. shorter: a write takes half. slow: it does all, later. */
enum how { FAIL, AFTER, SHORTER, SLOW };

struct page {
  _Atomic uint32_t armed;
  uint32_t call, how, error, nth, times, delay_us;
  _Atomic uint32_t fired;
  _Atomic uint32_t seen[CALLS];
  char where[256];
};

static struct page *page;
static const char *folder;
static size_t folder_length;
static _Atomic char is_ours[65536];
static void *(*real_dlsym)(void *, const char *);

#define REAL(name) \
  static __typeof__(name) *real; \
  if (real == NULL) real = (__typeof__(name) *)next_symbol(#name)

static void *next_symbol(const char *name) {
  static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.27"};
  for (size_t i = 0; real_dlsym == NULL && i < sizeof versions / sizeof *versions; i++)
    real_dlsym = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", versions[i]);
  return real_dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void) {
  const char *control = getenv("FAULT_PAGE");
  folder = getenv("FAULT_FOLDER");
  if (control == NULL || folder == NULL) return;
  REAL(open64);
  int fd = real(control, O_RDWR);
  if (fd < 0) return;
  folder_length = strlen(folder);
  void *mapped = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) page = mapped;
}

static int knows(int fd) { return fd >= 0 && fd < 65536 && is_ours[fd]; }

static int path_is_ours(const char *path) {
  if (page == NULL || path == NULL) return 0;
  if (strncmp(path, folder, folder_length) == 0) return 1;
  /* A file that is opened once more by its descriptor. */
  return strncmp(path, "/proc/self/fd/", 14) == 0 && knows(atoi(path + 14));
}

static void note(const char *path, int fd) {
  char link[64];
  if (path == NULL && fd >= 0) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, page->where, sizeof page->where - 1);
    page->where[length < 0 ? 0 : length] = 0;
  } else snprintf(page->where, sizeof page->where, "%s", path == NULL ? "" : path);
}

/* Which of its kind the call is that this thread is about to make, from 1. */
static _Thread_local uint32_t nth;

static void count(enum call call) { nth = atomic_fetch_add(&page->seen[call], 1) + 1; }

/* Whether the call that was counted last is one of those that fail, in the way `how`. */
static int fails(enum call call, enum how how, const char *path, int fd) {
  if (!page->armed || page->call != call || page->how != how) return 0;
  if (nth < page->nth || (page->times != 0 && nth >= page->nth + page->times)) return 0;
  if (atomic_fetch_add(&page->fired, 1) == 0) note(path, fd);
  return 1;
}

static int refused(void) {
  errno = (int)page->error;
  return -1;
}

/* The body of a call that returns a number: what is ours may fail before, wait, and fail after it was done. */
#define ANSWER(type, call, ours, path, fd, doing) \
  do { \
    if (page == NULL || !(ours)) return (doing); \
    count(call); \
    if (fails(call, FAIL, path, fd)) return (type)refused(); \
    if (fails(call, SLOW, path, fd)) usleep(page->delay_us); \
    int lies = fails(call, AFTER, path, fd); \
    type result = (doing); \
    return lies ? (type)refused() : result; \
  } while (0)

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  REAL(open64);
  int ours = path_is_ours(path);
  if (ours) {
    count(OPEN);
    if (fails(OPEN, FAIL, path, -1)) return refused();
    if (fails(OPEN, SLOW, path, -1)) usleep(page->delay_us);
  }
  int fd = real(path, flags, mode);
  if (fd >= 0 && fd < 65536) is_ours[fd] = (char)ours;
  return fd;
}

static long passed_on(long number, const long *values) {
  REAL(syscall);
  return real(number, values[0], values[1], values[2], values[3], values[4], values[5]);
}

/* Linux gives the descriptor back also where close says that it failed. */
static int closed(int fd) {
  long values[6] = {fd};
  if (page == NULL || !knows(fd)) return (int)passed_on(SYS_close, values);
  count(CLOSE);
  int failing = fails(CLOSE, FAIL, NULL, fd);
  is_ours[fd] = 0;
  int result = (int)passed_on(SYS_close, values);
  return failing ? refused() : result;
}
int close(int fd) { return closed(fd); }

/* Node closes and stats by number. */
long syscall(long number, ...) {
  long values[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) values[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_close) return closed((int)values[0]);
  if (number != SYS_statx) return passed_on(number, values);
  const char *path = (const char *)values[1];
  int fd = (int)values[0];
  int by_path = path != NULL && path[0] != 0;
  ANSWER(long, STAT, by_path ? path_is_ours(path) : knows(fd), by_path ? path : NULL, fd, passed_on(number, values));
}

ssize_t read(int fd, void *into, size_t length) {
  REAL(read);
  ANSWER(ssize_t, READ, knows(fd), NULL, fd, real(fd, into, length));
}
ssize_t pread64(int fd, void *into, size_t length, off64_t at) {
  REAL(pread64);
  ANSWER(ssize_t, READ, knows(fd), NULL, fd, real(fd, into, length, at));
}
ssize_t preadv64(int fd, const struct iovec *parts, int count_of_parts, off64_t at) {
  REAL(preadv64);
  ANSWER(ssize_t, READ, knows(fd), NULL, fd, real(fd, parts, count_of_parts, at));
}

/* Half of what was asked for, but something. */
static size_t half(size_t length) { return length > 1 ? length / 2 : length; }

/* A write with its parts, cut to half of its bytes where that is asked for. */
static ssize_t written(int fd, const struct iovec *parts, int parts_count, ssize_t (*doing)(int, const struct iovec *, int, off64_t), off64_t at) {
  if (page == NULL || !knows(fd)) return doing(fd, parts, parts_count, at);
  count(WRITE);
  if (fails(WRITE, FAIL, NULL, fd)) return refused();
  if (fails(WRITE, SLOW, NULL, fd)) usleep(page->delay_us);
  if (fails(WRITE, SHORTER, NULL, fd)) {
    size_t left = 0;
    for (int i = 0; i < parts_count; i++) left += parts[i].iov_len;
    left = half(left);
    struct iovec fewer[IOV_MAX];
    int used = 0;
    for (; used < parts_count && used < IOV_MAX && left > 0; used++) {
      fewer[used] = parts[used];
      if (fewer[used].iov_len > left) fewer[used].iov_len = left;
      left -= fewer[used].iov_len;
    }
    return doing(fd, fewer, used, at);
  }
  int lies = fails(WRITE, AFTER, NULL, fd);
  ssize_t result = doing(fd, parts, parts_count, at);
  return lies ? refused() : result;
}

static ssize_t positioned(int fd, const struct iovec *parts, int parts_count, off64_t at) {
  REAL(pwritev64);
  return real(fd, parts, parts_count, at);
}
static ssize_t in_a_row(int fd, const struct iovec *parts, int parts_count, off64_t at) {
  (void)at;
  REAL(writev);
  return real(fd, parts, parts_count);
}

ssize_t write(int fd, const void *from, size_t length) {
  REAL(write);
  if (page == NULL || !knows(fd)) return real(fd, from, length);
  struct iovec part = {(void *)from, length};
  return written(fd, &part, 1, in_a_row, 0);
}
ssize_t writev(int fd, const struct iovec *parts, int parts_count) { return written(fd, parts, parts_count, in_a_row, 0); }
ssize_t pwrite64(int fd, const void *from, size_t length, off64_t at) {
  struct iovec part = {(void *)from, length};
  return written(fd, &part, 1, positioned, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int parts_count, off64_t at) {
  return written(fd, parts, parts_count, positioned, at);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  ANSWER(int, SYNC, knows(fd), NULL, fd, real(fd));
}
int fsync(int fd) {
  REAL(fsync);
  ANSWER(int, SYNC, knows(fd), NULL, fd, real(fd));
}
int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  ANSWER(int, TRUNCATE, knows(fd), NULL, fd, real(fd, length));
}
int rename(const char *from, const char *to) {
  REAL(rename);
  ANSWER(int, RENAME, path_is_ours(to), to, -1, real(from, to));
}
int unlink(const char *path) {
  REAL(unlink);
  ANSWER(int, UNLINK, path_is_ours(path), path, -1, real(path));
}
int link(const char *from, const char *to) {
  REAL(link);
  ANSWER(int, LINK, path_is_ours(to), to, -1, real(from, to));
}
int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  ANSWER(int, MKDIR, path_is_ours(path), path, -1, real(path, mode));
}
int scandir64(const char *path, struct dirent64 ***into, int (*filter)(const struct dirent64 *), int (*order)(const struct dirent64 **, const struct dirent64 **)) {
  REAL(scandir64);
  ANSWER(int, LIST, path_is_ours(path), path, -1, real(path, into, filter, order));
}

/* What koffi calls: found by name in libc, see dlsym below. */
static void *mapping(void *address, size_t length, int protection, int flags, int fd, off_t at) {
  if (page != NULL && knows(fd)) {
    count(MMAP);
    if (fails(MMAP, FAIL, NULL, fd)) {
      refused();
      return MAP_FAILED;
    }
  }
  return mmap(address, length, protection, flags, fd, at);
}
static int syncing(void *address, size_t length, int flags) {
  ANSWER(int, MSYNC, 1, "a mapping", -1, msync(address, length, flags));
}
static int advising(void *address, size_t length, int advice) {
  ANSWER(int, POPULATE, 1, "a mapping", -1, madvise(address, length, advice));
}
/* It returns the number of the error. */
static int reserving(int fd, off_t from, off_t length) {
  if (page != NULL && knows(fd)) {
    count(FALLOCATE);
    if (fails(FALLOCATE, FAIL, NULL, fd)) return (int)page->error;
    if (fails(FALLOCATE, AFTER, NULL, fd)) {
      int result = posix_fallocate(fd, from, length);
      return result == 0 ? (int)page->error : result;
    }
  }
  return posix_fallocate(fd, from, length);
}

static ssize_t copying(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
  ANSWER(ssize_t, COPY, knows(to), NULL, to, copy_file_range(from, from_at, to, to_at, length, flags));
}

void *dlsym(void *handle, const char *name) {
  if (real_dlsym == NULL) next_symbol("close");
  if (page != NULL) {
    if (strcmp(name, "mmap") == 0) return (void *)mapping;
    if (strcmp(name, "msync") == 0) return (void *)syncing;
    if (strcmp(name, "madvise") == 0) return (void *)advising;
    if (strcmp(name, "copy_file_range") == 0) return (void *)copying;
    if (strcmp(name, "posix_fallocate") == 0) return (void *)reserving;
  }
  return real_dlsym(handle, name);
}
