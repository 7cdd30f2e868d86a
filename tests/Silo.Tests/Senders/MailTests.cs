using System.Text;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Smtp;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class MailTests
{
    [Theory]
    [InlineData("ada@example.com", "ada@example.com")]
    [InlineData("  Ada.Lovelace+shop@Example.COM ", "Ada.Lovelace+shop@example.com")]
    [InlineData("o'brien@mail.example.co.uk", "o'brien@mail.example.co.uk")]
    [InlineData("ada@BÜCHER.example", "ada@xn--bcher-kva.example")]
    [InlineData("用户@例え.jp", "用户@xn--r8jz45g.jp")]
    [InlineData("ada", null)]
    [InlineData("@example.com", null)]
    [InlineData("ada@", null)]
    [InlineData("ada@localhost", null)]
    [InlineData("ada@example..com", null)]
    [InlineData("ada@-example.com", null)]
    [InlineData("ada@127.0.0.1", null)]
    [InlineData("ada@[127.0.0.1]", null)]
    [InlineData(".ada@example.com", null)]
    [InlineData("ada.@example.com", null)]
    [InlineData("a..da@example.com", null)]
    [InlineData("ada lovelace@example.com", null)]
    [InlineData("\"ada lovelace\"@example.com", null)]
    [InlineData("ada@example.com\r\nBcc: eve@example.com", null)]
    [InlineData("ada\r\n@example.com", null)]
    [InlineData("ada@example.com>", null)]
    [InlineData("<ada@example.com>", null)]
    [InlineData("eve@example.com,ada@example.com", null)]
    [InlineData("ada\u0000@example.com", null)]
    [InlineData("ada\u202e@example.com", null)]
    [InlineData("ada@exam ple.com", null)]
    public void An_address_is_safe_or_refused(string text, string? email) => Assert.Equal(email, MailAddress.TryParse(text, null)?.Email);

    [Fact]
    public void An_address_has_the_lengths_of_RFC_5321()
    {
        Assert.NotNull(MailAddress.TryParse($"{new string('a', 64)}@example.com", null));
        Assert.Null(MailAddress.TryParse($"{new string('a', 65)}@example.com", null));
        Assert.Null(MailAddress.TryParse($"{new string('é', 33)}@example.com", null));
        Assert.Null(MailAddress.TryParse($"ada@{new string('a', 64)}.com", null));
        Assert.Null(MailAddress.TryParse($"ada@{string.Join('.', Enumerable.Repeat(new string('a', 60), 5))}.com", null));
    }

    [Theory]
    [InlineData("Ada\r\nBcc: eve@example.com", "Ada Bcc: eve@example.com")]
    [InlineData(" Ada \t\u2028 L ", "Ada L")]
    [InlineData("\0", null)]
    [InlineData(" ", null)]
    public void A_name_is_one_line(string name, string? line) => Assert.Equal(line, MailAddress.TryParse("ada@example.com", name)!.Name);

    [Fact]
    public void A_long_name_is_cut_between_characters()
    {
        var name = MailAddress.TryParse("ada@example.com", "x" + string.Concat(Enumerable.Repeat("😀", 100)))!.Name!;
        Assert.Equal(127, name.Length);
        Assert.EndsWith("😀", name, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name=Ada Lovelace;first_name=X", "Ada Lovelace")]
    [InlineData("first_name=Ada;last_name=Lovelace", "Ada Lovelace")]
    [InlineData("firstName=Ada;lastName=Lovelace", "Ada Lovelace")]
    [InlineData("first_name=Ada", "Ada")]
    [InlineData("last_name=Lovelace", "Lovelace")]
    [InlineData("", null)]
    public void A_name_is_put_together_from_what_there_is(string traits, string? name)
    {
        var job = Sample.Job();
        var views = $"email=ada@example.com;{traits}".Split(';', StringSplitOptions.RemoveEmptyEntries).Select(trait => trait.Split('=')).Select(
            pair => new TraitView(pair[0], JsonText.FromString($"\"{pair[1]}\""), Sample.DecidedAt, "api", "m1"));
        Assert.Equal(name, Recipient.Of(job with { Profile = job.Profile with { Traits = [.. views] } }).To!.Name);
    }

    [Fact]
    public void Nothing_in_a_mail_begins_a_header_of_its_own()
    {
        var evil = "x\r\nBcc: eve@example.com\n\nbody";
        var (mail, _) = Mail.Of(Sample.Mail(name: evil, content: new(evil, null, "text")));
        var raw = Encoding.ASCII.GetString(MimeMessage.Write(mail!, mail!.To, mail.To, Sample.DecisionId, Sample.DecidedAt));
        var headers = raw[..raw.IndexOf("\r\n\r\n", StringComparison.Ordinal)].Split("\r\n");

        Assert.DoesNotContain(headers, line => line.StartsWith("Bcc", StringComparison.OrdinalIgnoreCase));
        Assert.EndsWith("\r\n\r\ntext\r\n", raw, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData(".", "..")]
    [InlineData(".\r\n.\r\n", "..\r\n..\r\n")]
    [InlineData("a\r\n.b.\r\n..c", "a\r\n..b.\r\n...c")]
    [InlineData("a.\r\nb", "a.\r\nb")]
    public void A_leading_full_stop_is_doubled(string text, string stuffed) =>
        Assert.Equal(stuffed, Encoding.ASCII.GetString(SmtpConnection.DotStuffed(Encoding.ASCII.GetBytes(text))));

    [Theory]
    [InlineData("to ada.lovelace@example.com: no", "to a***@example.com: no")]
    [InlineData("<ada@example.com>,<b@x.org>", "<a***@example.com>,<b***@x.org>")]
    [InlineData("key k-1234 of\r\nada", "key *** of ada")]
    [InlineData(" \n ", null)]
    [InlineData(null, null)]
    public void A_provider_is_quoted_without_addresses_and_secrets(string? said, string? quoted) => Assert.Equal(quoted, ProviderText.Quote(said, "k-1234"));

    [Fact]
    public void A_quotation_is_short() => Assert.Equal(ProviderText.LengthMax, ProviderText.Quote(new string('x', 5000))!.Length);
}
