#!/usr/bin/python3
"""Prints a bill of materials of cargo-cyclonedx with the linked crates only, and without paths of this machine.

sbom_linked.py BOM <TREE    TREE has lines of cargo tree: NAME vVERSION

cargo-cyclonedx reads cargo metadata, which also lists procedural macros, and what only tests or disabled features need.
"""

import json
import re
import sys
from pathlib import Path

linked = set(re.findall(r"^(\S+) v(\S+)", sys.stdin.read(), re.MULTILINE))
# References to crates of the workspace have its directory in them, and so have their package URLs, which are of no use elsewhere.
text = Path(sys.argv[1]).read_text(encoding="utf-8").replace(f"path+file://{Path.cwd()}", "path+file://")
text = re.sub(r"\?download_url=file://[^#\"]*", "", text)

bom = json.loads(text)
bom["components"] = [part for part in bom["components"] if (part["name"], part["version"]) in linked]
references = {part["bom-ref"] for part in [bom["metadata"]["component"], *bom["components"]]}
bom["dependencies"] = [part for part in bom["dependencies"] if part["ref"] in references]
for part in bom["dependencies"]:
    if "dependsOn" in part:
        part["dependsOn"] = [reference for reference in part["dependsOn"] if reference in references]

# cargo tree also prints the package that the bill is for.
missing = len(linked) - 1 - len(bom["components"])
if missing:
    sys.exit(f"{sys.argv[1]}: {missing} linked crates are missing")
print(json.dumps(bom, indent=2, ensure_ascii=False))
