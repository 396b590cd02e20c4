# To be sourced by bash: how this repository starts MPI ranks on ONE machine (Open MPI 4).
#
#   mpi_run RANKS COMMAND...   runs COMMAND on RANKS ranks; MPI_RUN_TIMEOUT_SECONDS bounds its time
#
# On a cluster none of this is needed: see cluster/.

if ! command -v mpirun > /dev/null; then
  echo "mpirun not found: apt-get install openmpi-bin libopenmpi-dev" >&2
  exit 1
fi

# Open MPI refuses to run as root (common in containers) unless told twice.
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# One or two ranks would be bound to one core each, with all of their compute threads.
export OMPI_MCA_hwloc_base_binding_policy=none

# When mpirun is told to end, or a rank has died, it passes SIGTERM on after this many seconds and
# SIGKILL after as many again; ranks use the time for a checkpoint. The default of 1 is too short.
export OMPI_MCA_odls_base_sigkill_timeout=4

mpi_run() {
  local ranks=$1
  shift
  (
    if [ "$ranks" -gt "$(nproc)" ]; then
      # Else "not enough slots"; and ranks that wait for one another must give up their core.
      export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
    fi
    if [ -n "${MPI_RUN_TIMEOUT_SECONDS:-}" ]; then
      exec timeout --kill-after=10 "$MPI_RUN_TIMEOUT_SECONDS" mpirun -np "$ranks" "$@" < /dev/null
    fi
    exec mpirun -np "$ranks" "$@" < /dev/null
  )
}
