// Runs in a page before its own script and watches how it plays, without changing that: each chunk is
// told to the page's server as one record (what its metadata said, when it came, when and with which
// gains it was scheduled) with the decoded samples, everything else that the socket said as a note.
// The one thing set is the context's rate: jam.md's conditions say 48,000 Hz.
(() => {
  const RATE_HZ = 48000;
  const metas = [];          // of chunks, in the order of their messages
  const starts = [];         // likewise: how the page scheduled it
  const order = new WeakMap(); // decoded buffer -> which chunk
  const gainOf = new WeakMap(); // source -> the gain behind it
  const calls = new WeakMap();  // parameter -> its automation
  let decodes = 0;
  let expected = null; // where a page that has lost no time puts its next chunk

  function tell(record, body) {
    fetch('/seen', {method: 'POST', body, keepalive: false,
                    headers: {'X-Page': document.title + location.search, 'X-Seen': JSON.stringify(record)}});
  }

  function tellChunk(index) {
    if (metas[index] === undefined || starts[index] === undefined) {
      return;
    }
    const {buffer, ...start} = starts[index];
    const samples = new Float32Array(buffer.length * buffer.numberOfChannels);
    for (let c = 0; c < buffer.numberOfChannels; c++) {
      samples.set(buffer.getChannelData(c), c * buffer.length);
    }
    tell({kind: 'chunk', ...metas[index], ...start, length: buffer.length, rate: buffer.sampleRate,
          channels: buffer.numberOfChannels}, samples);
    starts[index] = null; // the buffer may go
  }

  const PageContext = window.AudioContext;
  window.AudioContext = class extends PageContext {
    constructor() {
      super({sampleRate: RATE_HZ});
    }
    decodeAudioData(data) {
      const index = decodes++;
      return super.decodeAudioData(data).then((buffer) => {
        order.set(buffer, index);
        return buffer;
      });
    }
  };

  for (const name of ['setValueAtTime', 'linearRampToValueAtTime', 'setValueCurveAtTime']) {
    const call = AudioParam.prototype[name];
    AudioParam.prototype[name] = function (...values) {
      calls.set(this, [...(calls.get(this) ?? []), [name, values.map((v) => v.length ? [...v] : v)]]);
      return call.apply(this, values);
    };
  }

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...more) {
    if (this instanceof AudioBufferSourceNode) {
      gainOf.set(this, target.gain);
    }
    return connect.call(this, target, ...more);
  };

  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when) {
    const index = order.get(this.buffer);
    const gains = calls.get(gainOf.get(this)) ?? [];
    // The end of a straight part is where the page's next chunk belongs.
    const fall = gains[gains.length - 1];
    const next = fall[0] === 'setValueCurveAtTime' ? fall[1][1] : gains[gains.length - 2][1][1];
    starts[index] = {start_s: when, now_s: this.context.currentTime, expected_s: expected, gains,
                     buffer: this.buffer};
    expected = next;
    tellChunk(index);
    return start.call(this, when);
  };

  const PageSocket = window.WebSocket;
  window.WebSocket = class extends PageSocket {
    constructor(address) {
      super(address);
      this.addEventListener('message', (event) => {
        if (typeof event.data !== 'string') {
          return;
        }
        const at_ms = performance.timeOrigin + performance.now();
        const {audio_base64: audio, ...message} = JSON.parse(event.data);
        if (message.type === 'chunk' || message.type === 'chunk_meta') {
          metas.push({...message.metadata, at_ms, text: audio?.length ?? 0});
          tellChunk(metas.length - 1);
        } else {
          tell({kind: 'message', at_ms, message});
        }
      });
      this.addEventListener('close', (event) => tell({kind: 'close', code: event.code}));
    }
    send(text) {
      tell({kind: 'sent', message: JSON.parse(text)});
      super.send(text);
    }
  };
})();
