internal import Determinism

extension FacePainter {
  /// Multiplies the colours by the light that falls on the surface.
  func castLight() {
    let size = canvas.size
    let light = photo.light
    let (lx, ly, lz) = (light.direction.x, light.direction.y, light.direction.z)
    let half = SIMD3<Float>(lx, ly, lz + 1)
    let halfNorm = 1 / (half.x * half.x + half.y * half.y + half.z * half.z).squareRoot()
    let (hx, hy, hz) = (half.x * halfNorm, half.y * halfNorm, half.z * halfNorm)
    let slope = canvas.view.scale * 0.5
    let unit = 1 / Float(size)
    let edge = light.shadowEdge
    let softness = 1 / edge.softness
    for row in 0..<size {
      let above = max(row - 1, 0) * size
      let below = min(row + 1, size - 1) * size
      let y = (Float(row) + 0.5) * unit - 0.5
      for column in 0..<size {
        let index = row * size + column
        let left = canvas.form[row * size + max(column - 1, 0)].z
        let right = canvas.form[row * size + min(column + 1, size - 1)].z
        let form = canvas.form[index]
        var nx = form.x - (right - left) * slope
        var ny = form.y - (canvas.form[below + column].z - canvas.form[above + column].z) * slope
        let base = (max(0.05, 1 - form.x * form.x - form.y * form.y)).squareRoot()
        let norm = 1 / (nx * nx + ny * ny + base * base).squareRoot()
        nx *= norm
        ny *= norm
        let nz = base * norm
        let facing = nx * lx + ny * ly + nz * lz
        var lit = max(0, (facing + 0.25) * 0.8)
        if edge.depth > 0 {
          let x = (Float(column) + 0.5) * unit - 0.5
          let side = clamp01((x * edge.x + y * edge.y - edge.offset * 0.5) * softness + 0.5)
          lit *= 1 - edge.depth * side
        }
        var shine = max(0, nx * hx + ny * hy + nz * hz)
        shine *= shine
        shine *= shine
        shine *= shine
        shine *= shine
        let ink = canvas.ink[index]
        let level = light.ambient + light.color * lit
        canvas.ink[index] = ink * level + light.color * (ink.w * shine * 0.28 * min(1, lit))
      }
    }
  }

  /// What the camera does: blur, exposure, colour, grain; writes `pixels` [size, size, 3].
  func develop(noise: CounterRandom, into pixels: UnsafeMutablePointer<UInt8>) {
    let size = canvas.size
    let finish = photo.finish
    blur(radius: finish.blur * Float(size))
    let gain =
      Ink(1 + finish.warmth + finish.tint, 1 - finish.tint, 1 - finish.warmth + finish.tint, 0)
      * finish.exposure
    let unit = 1 / Float(size)
    // Three uniform numbers of 16 bits a pixel make the grain; its deviation is `finish.noise`.
    let grain = finish.noise * 3.46 / 65536
    let saturation = finish.saturation
    let contrast = finish.contrast
    for row in 0..<size {
      let y = (Float(row) + 0.5) * unit - 0.5
      for column in 0..<size {
        let x = (Float(column) + 0.5) * unit - 0.5
        let index = row * size + column
        var color = canvas.ink[index] * gain
        let grey = color.x * 0.3 + color.y * 0.59 + color.z * 0.11
        color = (color - grey) * saturation + grey
        color = (color - 0.45) * contrast + 0.45
        color *= 1 - finish.vignette * (x * x + y * y)
        if grain > 0 {
          let word = noise.word(index)
          color.x += (Float(Int32(truncatingIfNeeded: word & 0xFFFF)) - 32767.5) * grain
          color.y += (Float(Int32(truncatingIfNeeded: (word >> 16) & 0xFFFF)) - 32767.5) * grain
          color.z += (Float(Int32(truncatingIfNeeded: (word >> 32) & 0xFFFF)) - 32767.5) * grain
        }
        pixels[3 * index] = Self.byte(color.x)
        pixels[3 * index + 1] = Self.byte(color.y)
        pixels[3 * index + 2] = Self.byte(color.z)
      }
    }
  }

  /// A byte for a light value, with highlights bent instead of cut.
  @inline(__always)
  private static func byte(_ value: Float) -> UInt8 {
    var level = max(0, value)
    if level > 0.8 { level = 0.8 + (level - 0.8) / (1 + (level - 0.8) * 3.2) }
    return UInt8(Int32(min(255, level * 255 + 0.5)))
  }

  /// Smooths the colours with passes of a three-pixel kernel; `radius` is a deviation in pixels.
  private func blur(radius: Float) {
    let variance = radius * radius
    guard variance > 0.02 else { return }
    let passes = max(1, Int((variance / 0.5).rounded(.up)))
    let side = variance / Float(passes) * 0.5
    let size = canvas.size
    let spare = canvas.form
    for _ in 0..<passes {
      Self.smooth(canvas.ink, into: spare, size: size, stride: 1, across: size, side: side)
      Self.smooth(spare, into: canvas.ink, size: size, stride: size, across: 1, side: side)
    }
  }

  private static func smooth(
    _ source: UnsafeMutablePointer<Ink>, into target: UnsafeMutablePointer<Ink>, size: Int,
    stride: Int, across: Int, side: Float
  ) {
    for line in 0..<size {
      for step in 0..<size {
        let index = line * across + step * stride
        let before = source[line * across + max(step - 1, 0) * stride]
        let after = source[line * across + min(step + 1, size - 1) * stride]
        target[index] = source[index] + (before + after - source[index] * 2) * side
      }
    }
  }
}
