// Reads messages, one a line in base64, and says of each what a mail client would show.
const lines = require('readline').createInterface({ input: process.stdin });
const { simpleParser } = require('mailparser');

(async () => {
  for await (const line of lines) {
    const mail = await simpleParser(Buffer.from(line, 'base64'), { skipTextToHtml: true, skipHtmlToText: true });
    console.log(JSON.stringify({
      subject: mail.subject, text: mail.text, html: mail.html || null, from: mail.from.value[0], to: mail.to.value[0],
      replyTo: mail.replyTo ? mail.replyTo.value[0] : null, messageId: mail.messageId, date: mail.date,
      headers: Object.fromEntries(mail.headerLines.map(header => [header.key, header.line.slice(header.key.length + 1).trim()])),
    }));
  }
})();
