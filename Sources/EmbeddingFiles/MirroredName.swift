/// What a row of the mirror image of a photo is called: the photo's name with an ending that no
/// photo has.
package enum MirroredName {
  /// Behind the name of the photo.
  package static let ending = "#mirrored"
}
