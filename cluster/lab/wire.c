// A wire that delays: carries frames between two network devices of one namespace, each frame so
// long after it came, both ways and in order. For kernels without netem; as root.
//
//   wire DEVICE DEVICE MILLISECONDS
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <arpa/inet.h>

// Segments that the kernel has not cut yet travel whole, behind the header that says so.
enum { FRAME_BYTES = 70000, QUEUE_FRAMES = 16384, SOCKET_BYTES = 32 << 20 };

struct frame {
  uint64_t due;
  size_t length;
  unsigned char *bytes;
};

// What came in on one device and is to leave by the other.
struct queue {
  struct frame frames[QUEUE_FRAMES];
  size_t first, count;
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int attach(const char *device) {
  int end = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
  if (end < 0) fail("socket");
  int yes = 1, bytes = SOCKET_BYTES;
  if (setsockopt(end, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes)) fail("PACKET_VNET_HDR");
  if (setsockopt(end, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes)) {
    fail("PACKET_IGNORE_OUTGOING");
  }
  setsockopt(end, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET,
      .sll_protocol = htons(ETH_P_ALL),
      .sll_ifindex = if_nametoindex(device),
  };
  if (bind(end, (struct sockaddr *)&address, sizeof address)) fail(device);
  return end;
}

static void receive(int end, struct queue *queue, uint64_t delay) {
  static unsigned char bytes[FRAME_BYTES];
  ssize_t length;
  while (queue->count < QUEUE_FRAMES && (length = recv(end, bytes, sizeof bytes, 0)) > 0) {
    struct frame *frame = &queue->frames[(queue->first + queue->count++) % QUEUE_FRAMES];
    frame->due = now() + delay;
    frame->length = length;
    frame->bytes = malloc(length);
    if (!frame->bytes) fail("malloc");
    memcpy(frame->bytes, bytes, length);
  }
}

// Sends what is due; returns when the next frame will be.
static uint64_t deliver(int end, struct queue *queue) {
  while (queue->count) {
    struct frame *frame = &queue->frames[queue->first];
    uint64_t time = now();
    if (frame->due > time) return frame->due;
    // A full device drops frames, as wires do; a full socket is tried again soon.
    if (send(end, frame->bytes, frame->length, 0) < 0 && errno == EAGAIN) return time + 100000;
    free(frame->bytes);
    queue->first = (queue->first + 1) % QUEUE_FRAMES;
    queue->count--;
  }
  return UINT64_MAX;
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: wire DEVICE DEVICE MILLISECONDS\n");
    return 64;
  }
  uint64_t delay = atof(arguments[3]) * 1e6;
  int ends[2] = {attach(arguments[1]), attach(arguments[2])};
  struct queue *queues = calloc(2, sizeof *queues);
  if (!queues) fail("calloc");
  // Ranks that spin must not hold up the wire, nor timers be rounded to 50 microseconds.
  struct sched_param priority = {.sched_priority = 10};
  sched_setscheduler(0, SCHED_FIFO, &priority);
  prctl(PR_SET_TIMERSLACK, 1000);
  while (1) {
    uint64_t next = UINT64_MAX;
    struct pollfd polls[2];
    for (int i = 0; i < 2; i++) {
      uint64_t due = deliver(ends[1 - i], &queues[i]);
      if (due < next) next = due;
      polls[i] = (struct pollfd){
          .fd = queues[i].count < QUEUE_FRAMES ? ends[i] : -1, .events = POLLIN};
    }
    uint64_t time = now(), rest = next > time ? next - time : 0;
    struct timespec pause = {.tv_sec = rest / 1000000000, .tv_nsec = rest % 1000000000};
    if (ppoll(polls, 2, next == UINT64_MAX ? NULL : &pause, NULL) < 0 && errno != EINTR) {
      fail("ppoll");
    }
    for (int i = 0; i < 2; i++) receive(ends[i], &queues[i], delay);
  }
}
