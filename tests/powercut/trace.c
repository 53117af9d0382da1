/* LD_PRELOAD: writes down what a process does to the files below $TRACE_UNDER, in order, so that a test can
   rebuild the disk as a power cut would leave it: only what was synced is certain.

   Records in $TRACE_LOG: kind(1) id(8: hash of the path) offset(8) length(8) then `length` bytes.
   W write, S sync, T truncate (length in offset), U unlink, A acknowledgement (a write to descriptor $TRACE_ACK). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1, ack_fd = -1;
static char under[512];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("TRACE_LOG"), *dir = getenv("TRACE_UNDER"), *ack = getenv("TRACE_ACK");
  if (!log || !dir) return;
  snprintf(under, sizeof under, "%s", dir);
  ack_fd = ack ? atoi(ack) : -1;
  int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 900);
  close(fd);
}

static int known(int fd, char *path) {
  char link[64];
  if (log_fd < 0 || fd == log_fd) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, 511);
  if (n <= 0) return 0;
  path[n] = 0;
  return strncmp(path, under, strlen(under)) == 0;
}

static void record(char kind, const char *path, uint64_t offset, uint64_t length, const void *data) {
  uint64_t id = 14695981039346656037ull;
  for (const char *c = path; *c; c++) id = (id ^ (unsigned char)*c) * 1099511628211ull;
  char head[25];
  head[0] = kind;
  memcpy(head + 1, &id, 8);
  memcpy(head + 9, &offset, 8);
  memcpy(head + 17, &length, 8);
  struct iovec parts[2] = {{head, 25}, {(void *)data, data ? length : 0}};
  if (REAL(writev)(log_fd, parts, 2) < 0) abort();
}

#define LOCKED(body) pthread_mutex_lock(&lock); body; pthread_mutex_unlock(&lock)

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
  char path[512]; ssize_t done;
  LOCKED(done = REAL(pwrite64)(fd, data, n, at); if (done > 0 && known(fd, path)) record('W', path, at, done, data));
  return done;
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
  char path[512]; ssize_t done;
  LOCKED(done = REAL(pwrite)(fd, data, n, at); if (done > 0 && known(fd, path)) record('W', path, at, done, data));
  return done;
}
ssize_t write(int fd, const void *data, size_t n) {
  char path[512]; ssize_t done;
  LOCKED(
    done = REAL(write)(fd, data, n);
    if (done > 0 && fd == ack_fd) record('A', "", 0, done, data);
    else if (done > 0 && known(fd, path)) record('W', path, REAL(lseek)(fd, 0, SEEK_CUR) - done, done, data));
  return done;
}
static int synced(int fd, int result) {
  char path[512];
  if (result == 0 && known(fd, path)) record('S', path, 0, 0, NULL);
  return result;
}
int fsync(int fd) { int r; LOCKED(r = synced(fd, REAL(fsync)(fd))); return r; }
int fdatasync(int fd) { int r; LOCKED(r = synced(fd, REAL(fdatasync)(fd))); return r; }
int ftruncate64(int fd, off64_t size) {
  char path[512]; int r;
  LOCKED(r = REAL(ftruncate64)(fd, size); if (r == 0 && known(fd, path)) record('T', path, size, 0, NULL));
  return r;
}
int ftruncate(int fd, off_t size) {
  char path[512]; int r;
  LOCKED(r = REAL(ftruncate)(fd, size); if (r == 0 && known(fd, path)) record('T', path, size, 0, NULL));
  return r;
}
int unlink(const char *path) {
  int r;
  LOCKED(r = REAL(unlink)(path); if (r == 0 && log_fd >= 0 && strncmp(path, under, strlen(under)) == 0) record('U', path, 0, 0, NULL));
  return r;
}
