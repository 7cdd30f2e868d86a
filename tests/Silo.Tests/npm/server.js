// A mail server that wants TLS and a password; it says where it listens, and of each message what it was given. What it refuses is told by the
// recipient: busy@ and unknown@ at RCPT, spam@ after the message.
const fs = require('fs');
const { SMTPServer } = require('smtp-server');

const [certificate, key, user, password, method, implicit] = process.argv.slice(2);
const refuse = (code, text) => Object.assign(new Error(text), { responseCode: code });
let connections = 0;
const server = new SMTPServer({
  key: fs.readFileSync(key),
  cert: fs.readFileSync(certificate),
  secure: implicit === 'implicit',
  authMethods: [method],
  hideENHANCEDSTATUSCODES: false,
  disableReverseLookup: true,
  closeTimeout: 100,
  onConnect(session, done) { connections++; done(); },
  onAuth(auth, session, done) {
    auth.username === user && auth.password === password ? done(null, { user }) : done(new Error('Invalid username or password'));
  },
  onRcptTo(address, session, done) {
    const local = address.address.split('@')[0];
    done(local === 'busy' ? refuse(451, 'Try later') : local === 'unknown' ? refuse(550, `No mailbox ${address.address}`) : null);
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', chunk => chunks.push(chunk));
    stream.on('end', () => {
      const { mailFrom, rcptTo } = session.envelope;
      console.log(JSON.stringify({
        from: mailFrom.address, to: rcptTo.map(to => to.address), utf8: !!mailFrom.args.SMTPUTF8, secure: session.secure,
        tls: session.tlsOptions && session.tlsOptions.version, connections, message: Buffer.concat(chunks).toString('base64'),
      }));
      done(rcptTo[0].address.startsWith('spam@') ? refuse(554, 'Looks like spam') : null, 'queued as 42');
    });
  },
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.server.address().port })));
// Ends with the test.
process.stdin.on('end', () => process.exit(0)).resume();
