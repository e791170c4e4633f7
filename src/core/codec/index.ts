/** The codec room's door: the words for schemas, and messages made of them. Shared by the Kafka wire and by records stored in the log. */

export { readInt64, writeInt64 } from './int64.js'
export { type DecodeOptions, Message, type MessageDeclaration, message } from './message.js'
export { maxStringBytes, Reader, type ReaderOptions, zeroUuid } from './reader.js'
export {
  array,
  between,
  bool,
  bytes,
  defaultOf,
  type Field,
  type Fields,
  float64,
  type Infer,
  type InferInput,
  int8,
  int16,
  int32,
  int64,
  nullable,
  plainString,
  type RecordsValue,
  records,
  type Shape,
  since,
  string,
  struct,
  tagged,
  uint16,
  until,
  uuid,
  withDefault,
} from './schema.js'
export { referenceFromBytes, Writer } from './writer.js'
