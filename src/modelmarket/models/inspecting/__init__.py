# SPDX-License-Identifier: Apache-2.0
"""What is inside a model's files, without anything of them being executed.

A process of its own looks, in confinement where that can be had: `confined_looking`.
`kinds` tells what a file is, whatever it is called; `pickles`, `archives` and
`onnx_files` say what is in it.
"""

from modelmarket.models.inspecting.inspect import Inspected, inspect_file

__all__ = ["Inspected", "inspect_file"]
