/** What a run needs of the machine, tried out, since root in a container often may not. */

import { spawnSync } from 'node:child_process'

/** Puts a program into namespaces of its own: with the last of its processes go network, mounts, and processes it left. */
export const ownWorld = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'] as const

const tries: readonly (readonly [what: string, script: string])[] = [
  [
    'a network namespace with veth and a bridge',
    'ip link add bridge0 type bridge && ip link add one type veth peer name two',
  ],
  ['named namespaces (ip netns)', 'mount -t tmpfs none /run && ip netns add x'],
  [
    'nft with reject and numgen',
    'printf "table inet t { chain c {\\n type filter hook input priority 0;\\n numgen random mod 100 < 5 drop\\n meta l4proto tcp reject with tcp reset\\n}\\n}\\n" | nft -f -',
  ],
  ['tc with tbf', 'tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 300ms'],
  ['etcd', 'etcd --version'],
]

/** What is missing here; nothing where a run is possible. */
export function missing(): string[] {
  if (process.platform !== 'linux') return ['Linux']
  if (process.getuid?.() !== 0) return ['root']
  const [program, ...args] = ownWorld
  const works = (script: string): boolean =>
    spawnSync(program, [...args, 'sh', '-c', script], { stdio: 'ignore' }).status === 0
  if (!works('true')) return ['namespaces of its own (unshare)']
  return tries.filter(([, script]) => !works(script)).map(([what]) => what)
}

export const hasKcat = (): boolean => spawnSync('kcat', ['-V'], { stdio: 'ignore' }).status === 0
