#pragma once

/// From now on the calling thread stays in MPI_Test for ever: a library that blocks. Other threads of
/// the process, the heartbeat's among them, go on.
void cstuck_block_this_thread(void);
