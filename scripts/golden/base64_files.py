"""How scripts put files that other programs write into Tests/TestSupport: as constants in base64."""

import base64
import pathlib
import textwrap


def write(name, summary, script, files):
    """Writes Tests/TestSupport/NAME.swift with `files`, {constant: (sentence, bytes)}, which `script` has made."""
    parts = []
    for constant, (sentence, data) in files.items():
        lines = textwrap.wrap(base64.b64encode(data).decode(), 92)
        parts.append(f'  /// {sentence}\n  package static let {constant} = """\n    '
                     + "\\\n    ".join(lines) + '\n    """\n')
    text = f"/// {summary}: scripts/golden/{pathlib.Path(script).name}.\n"
    text += f"package enum {name} {{\n" + "\n".join(parts) + "}\n"
    root = pathlib.Path(__file__).resolve().parents[2]
    target = root / f"Tests/TestSupport/{name}.swift"
    target.write_text(text)
    print(target.relative_to(root), {constant: len(data) for constant, (_, data) in files.items()})
