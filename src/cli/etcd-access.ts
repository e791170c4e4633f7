/** Reads the files that say who a node is to etcd: secrets are in files of their own, so that no setting shows one. */

import { HoldfastError } from '../core/errors.js'
import type { Settings } from '../core/settings.js'
import type { EtcdAccess } from '../replication/etcd/access.js'

/** @throws INVALID_SETTING for a file that is not there, and for what does not go together */
export async function etcdAccess(settings: Settings): Promise<EtcdAccess> {
  const user = settings['replication.etcd.user']
  const [password, ca, cert, key] = await Promise.all(
    (['password', 'ca', 'cert', 'key'] as const).map((what) => contentOf(settings, `replication.etcd.${what}.file`)),
  )
  if ((user === '') !== (password === undefined)) {
    refuse('replication.etcd.user and replication.etcd.password.file belong together')
  }
  if ((cert === undefined) !== (key === undefined)) {
    refuse('replication.etcd.cert.file and replication.etcd.key.file belong together')
  }
  const hasCertificates = ca !== undefined || cert !== undefined
  const addresses = settings['replication.etcd'].split(',')
  const secure = addresses.filter((address) => /^\s*https:/i.test(address)).length
  if (hasCertificates && secure === 0) {
    refuse('replication.etcd.ca.file and replication.etcd.cert.file are for addresses that begin with https://')
  }
  if ((hasCertificates || user !== '') && secure > 0 && secure < addresses.length) {
    // Any of them may be asked next, and would be told the password or the token in the clear.
    refuse('replication.etcd: for a user or certificates, https:// and http:// do not go together')
  }
  if (user === '') return { ca, cert, key }
  return { user, password: password?.toString().replace(/\r?\n$/, ''), ca, cert, key }
}

type FileSetting = `replication.etcd.${'password' | 'ca' | 'cert' | 'key'}.file`

async function contentOf(settings: Settings, name: FileSetting): Promise<Buffer | undefined> {
  const path = settings[name]
  if (path === '') return undefined
  const { nodeDisk } = await import('../files/node-disk.js')
  return (await nodeDisk.readFile(path)) ?? refuse(`${name}: there is no file ${path}`)
}

function refuse(why: string): never {
  throw new HoldfastError('INVALID_SETTING', `${why}.`)
}
