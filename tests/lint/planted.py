"""planted.py - faults of every kind, planted in a copy of our settings; lint must report each.

A tree of sound files is made, in which no check may find anything. Then one fault at a time is put
into one of them, and the check named beside it must say something of that file.
"""

import json
import os
import shutil
import subprocess
import tempfile

import run

SOUND = {
    "src/sound.cpp": '#include "sound.h"\n\nint twice(int x) { return 2 * x; }\n',
    "src/sound.h": "#pragma once\n\nint twice(int x);\n",
    "web/sound.js": "export const twice = (x) => 2 * x;\n",
    "web/sound.mjs": "import {twice} from './sound.js';\n\nexport const four = twice(2);\n",
    "sound.sh": '#!/bin/sh\nfor file in *; do echo "$file"; done\n',
    "sound.py": "def twice(x):\n    return 2 * x\n",
    "sound.css": "body { margin: 0; }\n",
    "sound.md": "# Sound\n",
    "CMakeLists.txt": "project(sound)\n",
}

LONG = "x" * 60 + " " + "y" * 60
# (check, file, its text with a fault)
FAULTS = [
    ("format", "src/sound.cpp", '#include "sound.h"\n\nint twice(int x) {return 2*x;}\n'),
    ("format", "src/sound.h", "#pragma once\n\nint  twice( int x );\n"),
    ("format", "web/sound.js", "export const twice = x=>2 * x\n"),
    # In a file that another one includes, as in a unity build, and in a header.
    (
        "tidy",
        "src/sound.cpp",
        '#include "sound.h"\n\nint twice(int x) {\n  if (x > 0) return x + x;\n  return x + x;\n}\n'
        "int* nothing() { return 0; }\n",
    ),
    (
        "tidy",
        "src/sound.h",
        "#pragma once\n\nint twice(int x);\ninline int* none() { return 0; }\n",
    ),
    ("tidy", "src/new.cpp", "int forgotten() { return 1; }\n"),  # in no compile command
    ("shell", "sound.sh", "#!/bin/sh\nfor file in *; do echo $file; done\n"),
    ("shell", ".ci/run", "#!/bin/sh\ncd /tmp\nrm -rf $1/*\n"),
    ("python", "sound.py", "def twice(x):\n    return 2 * (x\n"),
    ("python", "sound.py", "import os\n\n\ndef twice(x):\n    return 2 * x\n"),
    ("javascript", "web/sound.js", "export const twice = (x) => 2 * ;\n"),
    ("javascript", "web/sound.mjs", "const four = await;\n"),
    ("columns", "src/sound.cpp", f"// {LONG}\n"),
    ("columns", "web/sound.js", f"// {LONG}\n"),
    ("columns", "sound.py", f"# {LONG}\n"),
    ("columns", "sound.sh", f"#!/bin/sh\n# {LONG}\n"),
    ("columns", "sound.css", f"/* {LONG} */\n"),
    ("columns", "sound.md", f"{LONG}\n"),
    ("columns", "CMakeLists.txt", f"# {LONG}\n"),
    ("columns", "index.html", f"<p>{LONG}</p>\n"),
]


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as opened:
        opened.write(text)


def check():
    said = []
    with tempfile.TemporaryDirectory() as root:
        for settings in (".clang-format", ".clang-tidy", ".flake8"):
            shutil.copy(os.path.join(run.ROOT, settings), root)
        for path, text in SOUND.items():
            write(root, path, text)
        write(root, ".gitignore", "build/\n")
        write(root, "build/lint/unity/all.cpp", '#include "../../../src/sound.cpp"\n')
        command = {
            "directory": f"{root}/build/lint",
            "file": f"{root}/build/lint/unity/all.cpp",
            "command": f"clang++ -std=c++20 -I{root}/src -c unity/all.cpp",
        }
        write(root, "build/lint/compile_commands.json", json.dumps([command]))
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)

        for name in dict.fromkeys(fault[0] for fault in FAULTS):
            found = run.CHECKS[name](root)
            if found:
                said.append(f"{name} finds fault with sound files:\n" + "\n".join(found))
        for name, path, text in FAULTS:
            write(root, path, text)
            said_of = path if name in ("shell", "javascript") else path + ":"
            if not any(said_of in line for line in run.CHECKS[name](root)):
                said.append(f"{name} says nothing of {path}, which holds:\n{text}")
            if path in SOUND:
                write(root, path, SOUND[path])
            else:
                os.remove(os.path.join(root, path))
    return said
