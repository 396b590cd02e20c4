# To be sourced by bash, from the root of the repository: what the scripts share that run the program,
# make it go wrong and judge what it leaves behind.
#
# They set scratch (a folder of their own), and where they compare runs undisturbed (its receipt) and
# steps (their number). Judged runs are in $scratch/run, standard output and error in $scratch/out and
# $scratch/err. patience multiplies deadlines (1), attempts is how often a judge may try (1), only
# an extended regular expression that a judge's name must have. Everything that a judge starts is below
# the process id in $self.

passed=0
failed=0

# build PRODUCT: the path of a release build of it. One that is built already is named in the
# environment: DDP_TRAIN for ddp-train, MPI_CHECK for mpi-check.
build() {
  local given=${1^^}
  given=${given//-/_}
  if [ -n "${!given:-}" ]; then
    realpath -e "${!given}"
    return
  fi
  swift build -c release --product "$1" >&2
  echo "$(swift build -c release --show-bin-path)/$1"
}

# build_all: release builds of everything and its tests; imports between rooms are checked in it.
build_all() {
  swift build -c release --build-tests --explicit-target-dependency-import-check error
}

# at_once N: from here on up to N judges run beside one another, each in a subshell with a $scratch of
# its own, which has the script's run.yaml; deadlines are twice as long. at_once 1 waits for them and
# goes on one by one: for what others need to know, and for what has to happen within a moment.
# JUDGES_AT_ONCE in the environment limits N.
at_once() {
  while [ "$running" -gt 0 ]; do collect; done
  most=$1
  [ "$most" -le "${JUDGES_AT_ONCE:-$most}" ] || most=$JUDGES_AT_ONCE
  if [ "$most" -gt 1 ]; then
    # Ranks that wait for one another must give up their processor to those of another job.
    export OMPI_MCA_mpi_yield_when_idle=1 I_MPI_THREAD_YIELD=2
  else
    unset OMPI_MCA_mpi_yield_when_idle I_MPI_THREAD_YIELD
  fi
}
most=1
begun=0
running=0
judges=()
judge_names=()

# judge NAME COMMAND...: counts COMMAND as passed where it succeeds.
judge() {
  [[ $1 =~ ${only:-} ]] || return 0
  if [ "$most" -eq 1 ]; then
    self=$$
    if tried "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    return
  fi
  while [ "$running" -ge "$most" ]; do collect; done
  begun=$((begun + 1))
  running=$((running + 1))
  # A subshell has a seed of its own.
  local draw=$RANDOM
  (
    RANDOM=$draw
    self=$BASHPID
    scratch=$scratch/judge-$begun
    mkdir "$scratch"
    [ ! -e "${scratch%/*}/run.yaml" ] || cp "${scratch%/*}/run.yaml" "$scratch"
    # Launchers that begin and end at once would take the folder of their sessions from each other.
    export TMPDIR=$scratch
    result=0
    tried "$@" || result=1
    echo "$result" > "$scratch/result"
  ) > "$scratch/judge-$begun.said" 2>&1 &
  judges[$!]=$begun
  judge_names[begun]=$1
}

# collect: waits until one of the judges that run has ended, shows what it said and counts it.
collect() {
  local process folder before=$running
  while [ "$running" -eq "$before" ]; do
    sleep 0.1
    for process in "${!judges[@]}"; do
      ! lives "$process" || continue
      folder=$scratch/judge-${judges[process]}
      cat "$folder.said"
      [ -e "$folder/result" ] ||
        echo "FAILED  ${judge_names[judges[process]]}: its shell ended amid it"
      if grep -qsx 0 "$folder/result"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
      running=$((running - 1))
      unset "judges[$process]"
      # What a judge that failed has left behind may still write there.
      rm -rf "$folder" "$folder.said" 2> /dev/null || true
    done
  done
}

# end_judges: ends those that still run, where the script itself is told to end.
end_judges() {
  local process
  for process in "${!judges[@]}"; do
    kill -KILL "$process" $(descendants "$process") 2> /dev/null || true
  done
}

# tried NAME COMMAND...: runs COMMAND, at most as often as $attempts says, and tells how it went.
tried() {
  local name=$1 start=$SECONDS left
  shift
  for ((left = ${attempts:-1} - 1; left >= 0; left--)); do
    log=
    rm -rf "$scratch/run"
    : > "$scratch/out"
    : > "$scratch/err"
    if "$@"; then
      echo "passed  $name ($((SECONDS - start)) s)"
      return 0
    fi
    traces
    [ "$left" -eq 0 ] || echo "failed: $name ($((SECONDS - start)) s), once more"
  done
  echo "FAILED  $name ($((SECONDS - start)) s)"
  return 1
}

# traces: what is shown of a judge that failed; $log is one more file to look at.
traces() { tail -n 12 "$scratch/out" "$scratch/err" ${log:+"$log"} 2> /dev/null || true; }

# deadline SECONDS: what SECONDS are here.
deadline() { echo $(($1 * ${patience:-1} * (most > 1 ? 2 : 1))); }

# finish: the last line, and the exit status that belongs to it.
finish() {
  at_once 1
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}

# between FROM TO: a pattern of the whole numbers from FROM to TO. Where a message has seconds, FROM is
# the deadline that it names, and TO what a loaded machine may add.
between() { echo "($(seq -s '|' "$1" "$2"))"; }

# --- Runs

# small_run [KEY: VALUE lines on standard input]: $scratch/run.yaml, a run of quick steps with batch
# norm, dropout, augmentation and a ragged tail, and those lines.
small_run() {
  {
    cat << 'YAML'
data: synthetic:people=20,photos=6,size=48
split: all
image-size: 32
embedding: 64
dropout: 0.2
batch: 45
evaluate-every: 0
keep-best: false
YAML
    cat
  } > "$scratch/run.yaml"
}

# receipt [FILE...]: the weights that a run has printed to FILE, else to $scratch/out.
receipt() { sed -n 's/^weights: //p' "${@:-$scratch/out}" | tail -n 1; }

steps_done() { sed -n 's/^{"step":\([0-9]*\),.*/\1/p' "$scratch/run/metrics.jsonl" 2> /dev/null; }

# last_step: the last step of metrics.jsonl, 0 before there is one.
last_step() {
  tail -n 1 "$scratch/run/metrics.jsonl" 2> /dev/null | sed -n 's/^{"step":\([0-9]*\),.*/\1/p' |
    grep . || echo 0
}

# wait_for_step N [SECONDS]: until the run has done N steps, at most SECONDS (60).
wait_for_step() {
  local tries
  for ((tries = $(deadline "${2:-60}") * 20; tries > 0; tries--)); do
    [ "$(last_step)" -lt "$1" ] || return 0
    sleep 0.05
  done
  echo "step $1 was not reached"
  return 1
}

# is_undisturbed [FILE...]: the run is whole: its receipt in FILE, each step once in its metrics, its
# checkpoint as inspect reads it.
is_undisturbed() {
  local found
  found=$(receipt "$@")
  [ "$found" = "$undisturbed" ] || { echo "weights '$found', not $undisturbed"; return 1; }
  [ "$(steps_done | tr '\n' ' ')" = "$(seq "$steps" | tr '\n' ' ')" ] ||
    { echo "metrics.jsonl has not each step once"; return 1; }
  "$program" inspect "$scratch/run" | grep -qx "weights: $undisturbed" ||
    { echo "the checkpoint has other weights than $undisturbed"; return 1; }
}

# --- Lists in LFW's format, of the people that standard input names, a line each

# lfw_pairs FOLDS HALF PHOTOS: FOLDS folds of HALF pairs of one person and HALF of two; each person has
# PHOTOS photos. Without folds (1) the list begins with HALF alone.
lfw_pairs() {
  LC_ALL=C sort | awk -v folds="$1" -v half="$2" -v photos="$3" '{ person[NR - 1] = $1 } END {
    print folds == 1 ? half : folds "\t" half
    for (fold = 0; fold < folds; fold++) {
      for (i = 0; i < half; i++)
        print person[(fold * half + i) % NR] "\t" 1 + i % (photos - 1) "\t" photos
      for (i = 0; i < half; i++)
        print person[(fold + i) % NR] "\t" 1 + i % photos "\t" \
          person[(fold + i + 1 + (i + 4) % (NR - 1)) % NR] "\t" 1 + (i + fold) % photos
    } }'
}

# lfw_people PHOTOS [FOLDS]: the list of people and how many photos each has.
lfw_people() {
  LC_ALL=C sort | awk -v photos="$1" -v folds="${2:-1}" '{ person[NR] = $1 } END {
    if (folds > 1) print folds
    for (fold = 0; fold < folds; fold++) {
      first = int(NR * fold / folds); last = int(NR * (fold + 1) / folds)
      print last - first
      for (i = first + 1; i <= last; i++) print person[i] "\t" photos
    } }'
}

# --- Processes

state_of() { sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2> /dev/null || true; }

lives() { case $(state_of "$1") in Z* | '') return 1 ;; esac; }

name_of() { cat "/proc/$1/comm" 2> /dev/null || true; }

# descendants PID: the process ids of everything that PID has started.
descendants() {
  local child
  for child in $(ps -o pid= --ppid "$1" 2> /dev/null); do
    echo "$child"
    descendants "$child"
  done
}

# mpirun_of PID: the process id of the launcher, by any of its names, which is PID or below it.
mpirun_of() {
  local process
  for process in "$1" $(descendants "$1"); do
    case $(name_of "$process") in mpirun* | mpiexec* | orterun | prterun) echo "$process"; return ;; esac
  done
}

# ended PID SECONDS: PID ends within SECONDS; its status is in $status.
ended() {
  local tries limit
  limit=$(deadline "$2")
  for ((tries = limit * 20; tries > 0; tries--)); do
    lives "$1" || break
    sleep 0.05
  done
  if lives "$1"; then
    echo "still there after $limit s: $(descendants "$1" | tr '\n' ' ')"
    kill -KILL $(descendants "$1") "$1" 2> /dev/null || true
    wait "$1" || true
    return 1
  fi
  status=0
  wait "$1" 2> /dev/null || status=$?
}

# --- Containers

# make_deny: $scratch/deny COMMAND... runs COMMAND where process_vm_readv and process_vm_writev are
# denied, as in many a container.
make_deny() {
  cat > "$scratch/deny.c" << 'C'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **words) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (count < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
    return 70;
  execvp(words[1], words + 1);
  return 71;
}
C
  "${CC:-clang}" -o "$scratch/deny" "$scratch/deny.c"
}
