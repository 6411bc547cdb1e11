// SPDX-License-Identifier: Apache-2.0
// Writes tests/vectors/cids.json with another implementation of UnixFS:
//   npm install ipfs-unixfs-importer@17.1.1 blockstore-core
//   node scripts/oracle/cids.mjs > tests/vectors/cids.json
// Profile unixfs-v1-2025: CIDv1, raw leaves of 1 MiB, balanced, width 1024.
// Chunk k of every file is the number k, big-endian in four bytes, repeated.

import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

const MIB = 2 ** 20
const store = { put: async (cid) => cid, get: async () => { throw new Error() }, has: async () => false }
const options = {
  cidVersion: 1,
  rawLeaves: true,
  reduceSingleLeafToSelf: true,
  chunker: fixedSize({ chunkSize: MIB }),
  layout: balanced({ maxChildrenPerNode: 1024 }),
  wrapWithDirectory: false
}

async function * content (size) {
  for (let at = 0, k = 0; at < size; at += MIB, k++) {
    const chunk = Buffer.alloc(MIB)
    const word = Buffer.alloc(4)
    word.writeUInt32BE(k)
    chunk.fill(word)
    yield chunk.subarray(0, Math.min(MIB, size - at))
  }
}

const sizes = { 'empty': 0, '1 byte': 1, '1 MiB': MIB, '1 MiB + 1': MIB + 1, '10 MiB': 10 * MIB, '300 MiB': 300 * MIB, '1,025 chunks': 1024 * MIB + 1 }
const files = []
for (const [name, size] of Object.entries(sizes)) {
  for await (const entry of importer([{ path: 'f', content: content(size) }], store, options)) {
    files.push({ name, size, cid: entry.cid.toString() })
  }
}
const tree = { 'a.txt': 5, 'ünïcödé – 文.bin': 12, 'sub/b.bin': MIB + 7, 'sub/empty': 0 }
let folder
for await (const entry of importer(Object.entries(tree).map(([path, size]) => ({ path: 'folder/' + path, content: content(size) })), store, options)) {
  if (entry.path === 'folder') folder = entry.cid.toString()
}
console.log(JSON.stringify({ files, folder: { files: tree, cid: folder } }, null, 1))
