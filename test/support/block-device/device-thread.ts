/**
 * The thread of a disk. Who waits in the kernel for a disk that is served by his own thread waits forever; so it is served
 * by another one.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { Image, type ImageParts } from './image.js'
import { serveNbd } from './nbd-server.js'
import { RecordingDevice } from './recording-device.js'

export interface DeviceTask {
  readonly image: ImageParts
  readonly socketPath: string
  readonly count: Int32Array
}

const { image, socketPath, count } = workerData as DeviceTask
const device = new RecordingDevice(Image.ofParts(image), count)
const server = await serveNbd(device, socketPath)
parentPort?.postMessage('serving')
parentPort?.once('message', () => {
  server.close()
  parentPort?.postMessage(device.entries)
  parentPort?.close()
})
