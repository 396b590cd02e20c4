// The part of MPI that the program uses, as functions: MPI's handles and constants are macros, which
// Swift does not import. Structs hide what a handle is (a pointer in Open MPI, an int in MPICH).
#pragma once
#include <mpi.h>
#include <stdint.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
  MPI_Comm handle;
} cmpi_communicator;

typedef struct {
  MPI_Request handle;
} cmpi_request;

// Whether the system lets this process copy from a process's memory, here its own, as a transport
// between the ranks of a host does: containers often forbid the call altogether.
static inline int cmpi_may_copy_between_processes(void) {
#ifdef SYS_process_vm_readv
  char from = 1, to = 0;
  struct iovec local = {&to, 1}, remote = {&from, 1};
  long count = syscall(SYS_process_vm_readv, (long)getpid(), &local, 1L, &remote, 1L, 0L);
  return count == 1 || (errno != EPERM && errno != EACCES && errno != ENOSYS);
#else
  return 1;
#endif
}

// Sets *is_enough to 1 where the library lets the main thread of a threaded process call it, and
// *is_multiple to 1 where any thread may call it at any time, which is asked for if wants_multiple.
static inline int cmpi_init(int wants_multiple, int *is_enough, int *is_multiple) {
  int provided = MPI_THREAD_SINGLE;
  int code = MPI_Init_thread(
      NULL, NULL, wants_multiple ? MPI_THREAD_MULTIPLE : MPI_THREAD_FUNNELED, &provided);
  *is_enough = provided >= MPI_THREAD_FUNNELED;
  *is_multiple = provided >= MPI_THREAD_MULTIPLE;
  return code;
}

static inline int cmpi_finalize(void) { return MPI_Finalize(); }

static inline int cmpi_abort(int exit_code) { return MPI_Abort(MPI_COMM_WORLD, exit_code); }

static inline int cmpi_success(void) { return MPI_SUCCESS; }

static inline int cmpi_error_text_capacity(void) { return MPI_MAX_ERROR_STRING; }

static inline int cmpi_error_text(int code, char *text, int *length) {
  return MPI_Error_string(code, text, length);
}

static inline int cmpi_version_text_capacity(void) { return MPI_MAX_LIBRARY_VERSION_STRING; }

static inline int cmpi_version_text(char *text, int *length) {
  return MPI_Get_library_version(text, length);
}

// A copy of MPI_COMM_WORLD of our own; errors are returned, on it and on the world itself.
static inline int cmpi_duplicate_world(cmpi_communicator *copy) {
  int code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (code != MPI_SUCCESS) return code;
  code = MPI_Comm_dup(MPI_COMM_WORLD, &copy->handle);
  if (code != MPI_SUCCESS) return code;
  return MPI_Comm_set_errhandler(copy->handle, MPI_ERRORS_RETURN);
}

// The ranks that share memory with this one, in the order of their ranks.
static inline int cmpi_split_by_host(cmpi_communicator of, cmpi_communicator *host) {
  int rank = 0;
  int code = MPI_Comm_rank(of.handle, &rank);
  if (code != MPI_SUCCESS) return code;
  return MPI_Comm_split_type(of.handle, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &host->handle);
}

static inline int cmpi_free(cmpi_communicator *communicator) {
  return MPI_Comm_free(&communicator->handle);
}

static inline int cmpi_rank(cmpi_communicator in, int *rank) {
  return MPI_Comm_rank(in.handle, rank);
}

static inline int cmpi_size(cmpi_communicator of, int *size) {
  return MPI_Comm_size(of.handle, size);
}

// Starts the element-wise maximum; both buffers stay with MPI until cmpi_test says done.
static inline int cmpi_start_maximum(cmpi_communicator in, const int64_t *values, int64_t *maxima,
                                     int count, cmpi_request *request) {
  return MPI_Iallreduce(values, maxima, count, MPI_INT64_T, MPI_MAX, in.handle, &request->handle);
}

static inline int cmpi_test(cmpi_request *request, int *is_done) {
  return MPI_Test(&request->handle, is_done, MPI_STATUS_IGNORE);
}

// The collectives below are started; buffers, counts and offsets stay with MPI until cmpi_test says
// done.
static inline int cmpi_start_sum_in_place(cmpi_communicator in, double *values, int count,
                                          cmpi_request *request) {
  return MPI_Iallreduce(MPI_IN_PLACE, values, count, MPI_DOUBLE, MPI_SUM, in.handle,
                        &request->handle);
}

// bytes NULL: they are in their place in all.
static inline int cmpi_start_gather_bytes(cmpi_communicator in, const void *bytes, int count,
                                          void *all, const int *counts, const int *offsets,
                                          cmpi_request *request) {
  return MPI_Iallgatherv(bytes ? bytes : MPI_IN_PLACE, count, MPI_BYTE, all, counts, offsets, MPI_BYTE, in.handle,
                         &request->handle);
}

static inline int cmpi_start_exchange_bytes(cmpi_communicator in, const void *bytes,
                                            const int *counts, const int *offsets, void *received,
                                            const int *received_counts, const int *received_offsets,
                                            cmpi_request *request) {
  return MPI_Ialltoallv(bytes, counts, offsets, MPI_BYTE, received, received_counts,
                        received_offsets, MPI_BYTE, in.handle, &request->handle);
}

static inline int cmpi_start_broadcast_bytes(cmpi_communicator in, void *bytes, int count, int root,
                                             cmpi_request *request) {
  return MPI_Ibcast(bytes, count, MPI_BYTE, root, in.handle, &request->handle);
}

// Sends an empty message whose whole content is its tag, and does not wait for it.
static inline int cmpi_send_tag(cmpi_communicator in, int tag, int to) {
  MPI_Request request;
  int code = MPI_Isend(NULL, 0, MPI_BYTE, to, tag, in.handle, &request);
  if (code != MPI_SUCCESS) return code;
  return MPI_Request_free(&request);
}

// Takes one waiting empty message, if there is one.
static inline int cmpi_receive_tag(cmpi_communicator in, int *is_there, int *tag, int *from) {
  MPI_Status status;
  int code = MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, in.handle, is_there, &status);
  if (code != MPI_SUCCESS || !*is_there) return code;
  *tag = status.MPI_TAG;
  *from = status.MPI_SOURCE;
  return MPI_Recv(NULL, 0, MPI_BYTE, *from, *tag, in.handle, MPI_STATUS_IGNORE);
}

// Starts to send `count` words, which stay with MPI until cmpi_test says done.
static inline int cmpi_start_send_words(cmpi_communicator in, const int64_t *words, int count,
                                        int to, cmpi_request *request) {
  return MPI_Isend(words, count, MPI_INT64_T, to, 0, in.handle, &request->handle);
}

// Takes one waiting message of `count` words, if there is one.
static inline int cmpi_receive_words(cmpi_communicator in, int *is_there, int64_t *words, int count,
                                     int *from) {
  MPI_Status status;
  int code = MPI_Iprobe(MPI_ANY_SOURCE, 0, in.handle, is_there, &status);
  if (code != MPI_SUCCESS || !*is_there) return code;
  *from = status.MPI_SOURCE;
  return MPI_Recv(words, count, MPI_INT64_T, *from, 0, in.handle, MPI_STATUS_IGNORE);
}

// Lets naps of this thread and of those that it starts end on time: the kernel adds up to 50
// microseconds to each by default.
static inline void cmpi_nap_exactly(void) { prctl(PR_SET_TIMERSLACK, 1000UL); }
