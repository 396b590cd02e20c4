# To be sourced by bash: how this repository starts MPI ranks on ONE machine, with the launcher of the
# MPI that `DDP_TRAIN_MPI` names as Package.swift reads it (the folder it is installed in, or its mpicc),
# else with the mpirun on the PATH.
#
#   mpi_run RANKS COMMAND...   runs COMMAND on RANKS ranks; MPI_RUN_TIMEOUT_SECONDS bounds its time
#   mpi_name                   the MPI: "Open MPI 4.1.4", "MPICH 4.0.2", "Intel MPI 2021.14"
#   mpi_mpirun                 its launcher
#
# On a cluster none of this is needed: see cluster/.

mpi_mpirun=mpirun
case ${DDP_TRAIN_MPI:-} in
  '') ;;
  */mpicc*)
    # Debian has mpicc.mpich and mpirun.mpich; MPICH's mpicc_abi has no launcher of its own.
    mpi_mpirun=${DDP_TRAIN_MPI/%mpicc_abi/mpicc}
    mpi_mpirun=${mpi_mpirun%/mpicc*}/mpirun${mpi_mpirun##*/mpicc} ;;
  *) mpi_mpirun=$DDP_TRAIN_MPI/bin/mpirun ;;
esac
if [ "$mpi_mpirun" != mpirun ] && [ "${mpi_mpirun%/*}" != /usr/bin ]; then
  # Intel's launcher calls its other programs by the PATH, and finds its files by I_MPI_ROOT.
  export PATH=${mpi_mpirun%/*}:$PATH
  [ ! -e "${mpi_mpirun%/*}/impi_info" ] || export I_MPI_ROOT=${mpi_mpirun%/bin/*}
fi

if ! command -v "$mpi_mpirun" > /dev/null; then
  echo "$mpi_mpirun not found: run scripts/setup, or name an MPI in DDP_TRAIN_MPI" >&2
  exit 1
fi

mpi_name=$("$mpi_mpirun" --version 2>&1 | sed -nE \
  -e 's/.*\((Open MPI|OpenRTE)\) ([0-9.]+).*/Open MPI \2/p' \
  -e 's/.*Intel\(R\) MPI.*Version ([0-9.]+).*/Intel MPI \1/p' \
  -e 's/^ *Version: +([0-9][0-9.a-z]*).*/MPICH \1/p' | head -n 1)

case $mpi_name in
  'Open MPI '*)
    # Open MPI refuses to run as root (common in containers) unless told twice.
    if [ "$(id -u)" -eq 0 ]; then
      export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
      export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    # One or two ranks would be bound to one core each, with all of their compute threads. OMPI_ names
    # are of Open MPI 4, PRTE_ names of the launcher of Open MPI 5.
    export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
    # When mpirun is told to end, or a rank has died, it passes SIGTERM on after this many seconds and
    # SIGKILL after as many again; ranks use the time for a checkpoint. The default of 1 is too short.
    export OMPI_MCA_odls_base_sigkill_timeout=4 PRTE_MCA_odls_base_sigkill_timeout=4 ;;
  'Intel MPI '*)
    # Its mpirun is a shell script, which a signal ends while the ranks go on; what it starts is not.
    mpi_mpirun=${mpi_mpirun/%mpirun/mpiexec.hydra}
    # It binds each rank to its share of the processors: threads of a rank choose for themselves.
    export I_MPI_PIN=0
    # Providers of libfabric that need no network card; on one machine shared memory does the work.
    export FI_PROVIDER=${FI_PROVIDER:-tcp} ;;
esac

mpi_run() {
  local ranks=$1
  shift
  (
    if [ "$ranks" -gt "$(nproc)" ]; then
      case $mpi_name in
        # Else "not enough slots"; and ranks that wait for one another must give up their core.
        'Open MPI '*)
          export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
          export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe ;;
        'Intel MPI '*) export I_MPI_THREAD_YIELD=2 ;;
      esac
    fi
    if [ -n "${MPI_RUN_TIMEOUT_SECONDS:-}" ]; then
      exec timeout --kill-after=10 "$MPI_RUN_TIMEOUT_SECONDS" "$mpi_mpirun" -np "$ranks" "$@" < /dev/null
    fi
    exec "$mpi_mpirun" -np "$ranks" "$@" < /dev/null
  )
}
