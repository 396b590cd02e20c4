#include "cmpi.h"

#include <errno.h>
#include <mpi.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(MPI_Comm) <= sizeof(intptr_t), "a communicator fits its place");
_Static_assert(sizeof(MPI_Request) <= sizeof(intptr_t), "a request fits its place");

static MPI_Comm comm(cmpi_communicator communicator) { return (MPI_Comm)communicator.handle; }

static int started(int code, MPI_Request handle, cmpi_request *request) {
  request->handle = (intptr_t)handle;
  return code;
}

int cmpi_may_copy_between_processes(void) {
#ifdef SYS_process_vm_readv
  char from = 1, to = 0;
  struct iovec local = {&to, 1}, remote = {&from, 1};
  long count = syscall(SYS_process_vm_readv, (long)getpid(), &local, 1L, &remote, 1L, 0L);
  return count == 1 || (errno != EPERM && errno != EACCES && errno != ENOSYS);
#else
  return 1;
#endif
}

int cmpi_init(int wants_multiple, int *is_enough, int *is_multiple) {
  int provided = MPI_THREAD_SINGLE;
  int code = MPI_Init_thread(
      NULL, NULL, wants_multiple ? MPI_THREAD_MULTIPLE : MPI_THREAD_FUNNELED, &provided);
  *is_enough = provided >= MPI_THREAD_FUNNELED;
  *is_multiple = provided >= MPI_THREAD_MULTIPLE;
  return code;
}

int cmpi_finalize(void) { return MPI_Finalize(); }

int cmpi_abort(int exit_code) { return MPI_Abort(MPI_COMM_WORLD, exit_code); }

int cmpi_success(void) { return MPI_SUCCESS; }

int cmpi_error_text_capacity(void) { return MPI_MAX_ERROR_STRING; }

int cmpi_error_text(int code, char *text, int *length) {
  return MPI_Error_string(code, text, length);
}

int cmpi_version_text_capacity(void) { return MPI_MAX_LIBRARY_VERSION_STRING; }

int cmpi_version_text(char *text, int *length) {
  return MPI_Get_library_version(text, length);
}

int cmpi_duplicate_world(cmpi_communicator *copy) {
  int code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (code != MPI_SUCCESS) return code;
  MPI_Comm handle;
  code = MPI_Comm_dup(MPI_COMM_WORLD, &handle);
  if (code != MPI_SUCCESS) return code;
  copy->handle = (intptr_t)handle;
  return MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN);
}

int cmpi_split_by_host(cmpi_communicator of, cmpi_communicator *host) {
  int rank = 0;
  int code = MPI_Comm_rank(comm(of), &rank);
  if (code != MPI_SUCCESS) return code;
  MPI_Comm handle;
  code = MPI_Comm_split_type(comm(of), MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &handle);
  if (code == MPI_SUCCESS) host->handle = (intptr_t)handle;
  return code;
}

int cmpi_free(cmpi_communicator *communicator) {
  MPI_Comm handle = comm(*communicator);
  int code = MPI_Comm_free(&handle);
  communicator->handle = (intptr_t)handle;
  return code;
}

int cmpi_rank(cmpi_communicator in, int *rank) { return MPI_Comm_rank(comm(in), rank); }

int cmpi_size(cmpi_communicator of, int *size) { return MPI_Comm_size(comm(of), size); }

int cmpi_start_maximum(cmpi_communicator in, const int64_t *values, int64_t *maxima, int count,
                       cmpi_request *request) {
  MPI_Request handle;
  int code = MPI_Iallreduce(values, maxima, count, MPI_INT64_T, MPI_MAX, comm(in), &handle);
  return started(code, handle, request);
}

int cmpi_test(cmpi_request *request, int *is_done) {
  MPI_Request handle = (MPI_Request)request->handle;
  int code = MPI_Test(&handle, is_done, MPI_STATUS_IGNORE);
  request->handle = (intptr_t)handle;
  return code;
}

int cmpi_start_sum_in_place(cmpi_communicator in, double *values, int count,
                            cmpi_request *request) {
  MPI_Request handle;
  int code =
      MPI_Iallreduce(MPI_IN_PLACE, values, count, MPI_DOUBLE, MPI_SUM, comm(in), &handle);
  return started(code, handle, request);
}

int cmpi_start_gather_bytes(cmpi_communicator in, const void *bytes, int count, void *all,
                            const int *counts, const int *offsets, cmpi_request *request) {
  MPI_Request handle;
  int code = MPI_Iallgatherv(bytes ? bytes : MPI_IN_PLACE, count, MPI_BYTE, all, counts, offsets,
                             MPI_BYTE, comm(in), &handle);
  return started(code, handle, request);
}

int cmpi_start_exchange_bytes(cmpi_communicator in, const void *bytes, const int *counts,
                              const int *offsets, void *received, const int *received_counts,
                              const int *received_offsets, cmpi_request *request) {
  MPI_Request handle;
  int code = MPI_Ialltoallv(bytes, counts, offsets, MPI_BYTE, received, received_counts,
                            received_offsets, MPI_BYTE, comm(in), &handle);
  return started(code, handle, request);
}

int cmpi_start_broadcast_bytes(cmpi_communicator in, void *bytes, int count, int root,
                               cmpi_request *request) {
  MPI_Request handle;
  int code = MPI_Ibcast(bytes, count, MPI_BYTE, root, comm(in), &handle);
  return started(code, handle, request);
}

int cmpi_send_tag(cmpi_communicator in, int tag, int to) {
  MPI_Request handle;
  int code = MPI_Isend(NULL, 0, MPI_BYTE, to, tag, comm(in), &handle);
  if (code != MPI_SUCCESS) return code;
  return MPI_Request_free(&handle);
}

int cmpi_receive_tag(cmpi_communicator in, int *is_there, int *tag, int *from) {
  MPI_Status status;
  int code = MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm(in), is_there, &status);
  if (code != MPI_SUCCESS || !*is_there) return code;
  *tag = status.MPI_TAG;
  *from = status.MPI_SOURCE;
  return MPI_Recv(NULL, 0, MPI_BYTE, *from, *tag, comm(in), MPI_STATUS_IGNORE);
}

int cmpi_start_send_words(cmpi_communicator in, const int64_t *words, int count, int to,
                          cmpi_request *request) {
  MPI_Request handle;
  int code = MPI_Isend(words, count, MPI_INT64_T, to, 0, comm(in), &handle);
  return started(code, handle, request);
}

int cmpi_receive_words(cmpi_communicator in, int *is_there, int64_t *words, int count,
                       int *from) {
  MPI_Status status;
  int code = MPI_Iprobe(MPI_ANY_SOURCE, 0, comm(in), is_there, &status);
  if (code != MPI_SUCCESS || !*is_there) return code;
  *from = status.MPI_SOURCE;
  return MPI_Recv(words, count, MPI_INT64_T, *from, 0, comm(in), MPI_STATUS_IGNORE);
}

void cmpi_nap_exactly(void) { prctl(PR_SET_TIMERSLACK, 1000UL); }
