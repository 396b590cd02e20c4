// The part of MPI that the program uses, as functions without a type of MPI's in them: what a
// handle is (a pointer in Open MPI, an int in MPICH) and what its constants are stays in cmpi.c,
// the only file that is compiled against an MPI. All but cmpi_nap_exactly return MPI's codes.
#pragma once
#include <stdint.h>

typedef struct {
  intptr_t handle;
} cmpi_communicator;

typedef struct {
  intptr_t handle;
} cmpi_request;

// Whether the system lets this process copy from a process's memory, here its own, as a transport
// between the ranks of a host does: containers often forbid the call altogether.
int cmpi_may_copy_between_processes(void);

// Sets *is_enough to 1 where the library lets the main thread of a threaded process call it, and
// *is_multiple to 1 where any thread may call it at any time, which is asked for if wants_multiple.
int cmpi_init(int wants_multiple, int *is_enough, int *is_multiple);

int cmpi_finalize(void);

int cmpi_abort(int exit_code);

int cmpi_success(void);

int cmpi_error_text_capacity(void);

int cmpi_error_text(int code, char *text, int *length);

int cmpi_version_text_capacity(void);

int cmpi_version_text(char *text, int *length);

// A copy of MPI_COMM_WORLD of our own; errors are returned, on it and on the world itself.
int cmpi_duplicate_world(cmpi_communicator *copy);

// The ranks that share memory with this one, in the order of their ranks.
int cmpi_split_by_host(cmpi_communicator of, cmpi_communicator *host);

int cmpi_free(cmpi_communicator *communicator);

int cmpi_rank(cmpi_communicator in, int *rank);

int cmpi_size(cmpi_communicator of, int *size);

// Starts the element-wise maximum; both buffers stay with MPI until cmpi_test says done.
int cmpi_start_maximum(cmpi_communicator in, const int64_t *values, int64_t *maxima, int count,
                       cmpi_request *request);

int cmpi_test(cmpi_request *request, int *is_done);

// The collectives below are started; buffers, counts and offsets stay with MPI until cmpi_test says
// done.
int cmpi_start_sum_in_place(cmpi_communicator in, double *values, int count, cmpi_request *request);

// bytes NULL: they are in their place in all.
int cmpi_start_gather_bytes(cmpi_communicator in, const void *bytes, int count, void *all,
                            const int *counts, const int *offsets, cmpi_request *request);

int cmpi_start_exchange_bytes(cmpi_communicator in, const void *bytes, const int *counts,
                              const int *offsets, void *received, const int *received_counts,
                              const int *received_offsets, cmpi_request *request);

int cmpi_start_broadcast_bytes(cmpi_communicator in, void *bytes, int count, int root,
                               cmpi_request *request);

// Sends an empty message whose whole content is its tag, and does not wait for it.
int cmpi_send_tag(cmpi_communicator in, int tag, int to);

// Takes one waiting empty message, if there is one.
int cmpi_receive_tag(cmpi_communicator in, int *is_there, int *tag, int *from);

// Starts to send `count` words, which stay with MPI until cmpi_test says done.
int cmpi_start_send_words(cmpi_communicator in, const int64_t *words, int count, int to,
                          cmpi_request *request);

// Takes one waiting message of `count` words, if there is one.
int cmpi_receive_words(cmpi_communicator in, int *is_there, int64_t *words, int count,
                       int *from);

// Lets naps of this thread and of those that it starts end on time: the kernel adds up to 50
// microseconds to each by default.
void cmpi_nap_exactly(void);
