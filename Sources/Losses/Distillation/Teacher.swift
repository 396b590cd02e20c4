/// Who says where the embeddings of samples are to be: embeddings stored once, or a network that
/// sees every sample.
package protocol Teacher: Sendable {
  /// Numbers of an embedding.
  var width: Int { get }
  /// The receipt of what it says: the same on all ranks, and for all of a run.
  var hash: UInt64 { get }
  /// Bytes of memory of this rank, and of each compute thread.
  var bytes: (rank: Int, worker: Int) { get }

  /// The place of photo `photo`, left and right exchanged if it `isMirrored`, among what is stored;
  /// -1 where nothing is.
  func row(of photo: Int, isMirrored: Bool) -> Int32

  /// Overwrites `targets` [rows.count, width] with embeddings of the samples `images`
  /// [rows.count, height, width, 3] on worker `worker`, whose places are `rows`; with 0 for one of
  /// which nothing is known.
  func teach(
    _ rows: UnsafeBufferPointer<Int32>, images: UnsafePointer<Float>, on worker: Int,
    into targets: UnsafeMutablePointer<Float>)
}
