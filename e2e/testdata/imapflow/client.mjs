// Goes through an account with imapflow, which speaks IMAP4rev2, QRESYNC and
// COMPRESS=DEFLATE where a server has them. Two clients hear of one another.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ImapFlow } from 'imapflow';

const [host, port, ca, user, pass] = process.argv.slice(2);

async function connect(options = {}) {
    const client = new ImapFlow({ host, port: Number(port), secure: true, tls: { ca: readFileSync(ca) }, auth: { user, pass }, logger: false, qresync: true, ...options });
    client.trouble = [];
    client.on('error', err => client.trouble.push(err));
    client.on('response', response => {
        if (response.response === 'BAD') client.trouble.push(response);
    });
    await client.connect();
    return client;
}

// The next event of that kind that a condition holds for.
function next(client, kind, holds = () => true) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no event ${kind}`)), 20_000);
        client.on(kind, function heard(event) {
            if (!holds(event)) return;
            clearTimeout(timer);
            client.off(kind, heard);
            resolve(event);
        });
    });
}

const message = (subject, text = 'x') => Buffer.from(`From: a@b.test\r\nTo: c@d.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@b.test>\r\n\r\n${text}\r\n`);

async function mailboxes(c) {
    const uses = Object.fromEntries((await c.list()).filter(box => box.specialUse).map(box => [box.specialUse, box.path]));
    assert.deepEqual(uses, { '\\Inbox': 'INBOX', '\\Archive': 'Archive', '\\Drafts': 'Drafts', '\\Junk': 'Junk', '\\Sent': 'Sent', '\\Trash': 'Trash' });
    const made = await c.mailboxCreate(['Größe & Gewicht', 'below']);
    assert.equal(made.path, 'Größe & Gewicht/below');
    assert.ok(made.mailboxId);
    assert.equal((await c.mailboxCreate(made.path)).created, false);
    await c.mailboxSubscribe(made.path);
    await c.mailboxRename(made.path, 'Größe & Gewicht/néw');
    const names = (await c.list({ statusQuery: { messages: true, unseen: true } })).filter(box => box.path.startsWith('Größe'));
    assert.deepEqual(names.map(box => [box.path, box.status.messages]), [['Größe & Gewicht', 0], ['Größe & Gewicht/néw', 0]]);
    await c.mailboxDelete('Größe & Gewicht/néw');
    await c.mailboxDelete('Größe & Gewicht');
    assert.ok((await c.status('INBOX', { messages: true, uidNext: true, highestModseq: true })).highestModseq);
}

async function messages(c) {
    for (const subject of ['one', 'two', 'three']) {
        const put = await c.append('INBOX', message(subject), ['\\Flagged', '$Work'], new Date('2026-11-23T10:00:00Z'));
        assert.ok(put.uid && put.uidValidity);
    }
    await c.append('INBOX', message('grüße', 'nul\0nul'), ['\\Seen']);
    const box = await c.mailboxOpen('INBOX');
    assert.equal(box.exists, 4);
    const all = await c.fetchAll('1:*', { uid: true, flags: true, envelope: true, bodyStructure: true, internalDate: true, size: true, threadId: true, emailId: true, headers: ['subject'], source: { start: 0, maxLength: 20 } });
    assert.deepEqual(all.map(m => [m.uid, m.envelope.subject]), [[1, 'one'], [2, 'two'], [3, 'three'], [4, 'grüße']]);
    assert.deepEqual([...all[0].flags].sort(), ['$Work', '\\Flagged']);
    assert.equal(all[0].internalDate.toISOString(), '2026-11-23T10:00:00.000Z');
    assert.ok(all.every(m => m.emailId && m.threadId && m.modseq && m.source.length === 20));
    const { meta, content } = await c.download('2', undefined, { uid: true });
    const chunks = [];
    for await (const chunk of content) chunks.push(chunk);
    assert.ok(meta && Buffer.concat(chunks).includes('Subject: two'));
}

async function searches(c) {
    assert.deepEqual(await c.search({ subject: 'two' }, { uid: true }), [2]);
    assert.deepEqual(await c.search({ subject: 'GRÜßE' }, { uid: true }), [4]);
    assert.deepEqual(await c.search({ or: [{ seen: true }, { keyword: '$work' }], not: { uid: '2' } }, { uid: true }), [1, 3, 4]);
    assert.deepEqual(await c.search({ body: 'nothing' }, { uid: true }), []);
    const found = await c.search({ all: true }, { uid: true, returnOptions: ['COUNT', 'MIN', 'MAX', 'ALL'] });
    assert.equal(found.count, 4);
    assert.deepEqual([found.min, found.max, String(found.all)], [1, 4, '1:4']);
    const part = await c.search({ all: true }, { uid: true, returnOptions: [{ partial: '2:3' }] });
    assert.match(JSON.stringify(part), /2:3/);
    const [first] = await c.fetchAll('1', { threadId: true, emailId: true }, { uid: true });
    assert.deepEqual(await c.search({ emailId: first.emailId }, { uid: true }), [1]);
    assert.deepEqual(await c.search({ threadId: first.threadId }, { uid: true }), [1]);
}

async function changes(c) {
    assert.equal(await c.messageFlagsAdd('1:2', ['\\Seen', 'own'], { uid: true }), true);
    assert.equal(await c.messageFlagsRemove('2', ['\\Seen'], { uid: true }), true);
    assert.equal(await c.messageFlagsSet('3', ['\\Answered'], { uid: true }), true);
    const since = c.mailbox.highestModseq;
    assert.ok(since > 0n);
    assert.equal((await c.fetchAll('1:*', { flags: true }, { uid: true, changedSince: since })).length, 0);
    const moved = await c.messageMove('1', 'Archive', { uid: true });
    assert.deepEqual([...moved.uidMap], [[1, 1]]);
    const copied = await c.messageCopy('2:3', 'Sent', { uid: true });
    assert.deepEqual([...copied.uidMap], [[2, 1], [3, 2]]);
    await c.messageDelete('3', { uid: true });
    assert.deepEqual((await c.fetchAll('1:*', { uid: true })).map(m => m.uid), [2, 4]);
}

// What one client does, the other hears while it waits, and after an absence.
async function twoClients(c) {
    const other = await connect();
    await other.mailboxOpen('INBOX');
    const known = { uidValidity: c.mailbox.uidValidity, changedSince: c.mailbox.highestModseq };
    const waiting = c.idle();
    let heard = next(c, 'exists');
    await other.append('INBOX', message('five'));
    assert.equal((await heard).count, 3);
    heard = next(c, 'flags', event => event.uid === 2 && event.flags.has('\\Deleted'));
    await other.messageFlagsAdd('2', ['\\Deleted'], { uid: true });
    await heard;
    heard = next(c, 'expunge');
    await other.messageDelete('4', { uid: true });
    assert.deepEqual(await heard, { path: 'INBOX', uid: 4, vanished: true, earlier: false });
    await c.noop();
    await waiting;
    await c.mailboxOpen('Sent');
    const gone = next(c, 'expunge');
    const flags = next(c, 'flags', event => event.uid === 2);
    await c.mailboxOpen('INBOX', known);
    assert.deepEqual(await gone, { path: 'INBOX', uid: 4, vanished: true, earlier: true });
    await flags;
    await end(other);
}

async function end(client) {
    await client.logout();
    assert.deepEqual(client.trouble, []);
}

for (const options of [{}, { disableIMAP4rev2: true }, { disableAutoEnable: true, disableCompression: true, qresync: false, disableBinary: true }]) {
    const c = await connect(options);
    if (options.qresync !== false) {
        assert.ok(c.enabled.has('QRESYNC'));
        assert.equal(c.enabled.has('IMAP4REV2'), !options.disableIMAP4rev2);
    }
    await mailboxes(c);
    await end(c);
}
const c = await connect();
await messages(c);
await searches(c);
await changes(c);
await twoClients(c);
await end(c);
console.log('done');
