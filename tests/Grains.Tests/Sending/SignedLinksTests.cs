using System.Security.Cryptography;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class SignedLinksTests
{
    private static readonly byte[] Old = [.. Enumerable.Range(0, 32).Select(static value => (byte)value)];
    private static readonly byte[] New = [.. Enumerable.Range(100, 40).Select(static value => (byte)value)];
    private static readonly LinkClaims Claims = new("shop", "ada@example.com", "email", "offers", "0123456789abcdef0123456789abcdef", "hero");

    private readonly VirtualTime time = new();

    [Fact]
    public void What_is_sealed_opens_for_its_purpose_and_no_other()
    {
        var links = Links(Old);
        var token = links.Seal(LinkPurpose.Content, Claims);

        Assert.Equal(Claims, links.Open(token, LinkPurpose.Content));
        Assert.All(Enum.GetValues<LinkPurpose>().Where(purpose => purpose != LinkPurpose.Content), purpose => Assert.Null(links.Open(token, purpose)));
    }

    [Fact]
    public void Claims_may_be_long_or_absent_and_hold_any_character()
    {
        var links = Links(Old);
        foreach (var claims in (LinkClaims[])
                 [
                     new("w", "c"), new("w", "ü/&?=\u0000🙂", Topic: "t"),
                     new(Long('\uffee'), Long('\uffee'), Long('\uffee'), Long('\uffee'), Long('\uffee'), Long('\uffee')),
                 ])
        {
            var token = links.Seal(LinkPurpose.Unsubscribe, claims);
            Assert.InRange(token.Length, 1, SignedLinks.TokenLengthMax);
            Assert.Equal(claims, links.Open(token, LinkPurpose.Unsubscribe));
        }
        Assert.Throws<ArgumentException>(() => links.Seal(LinkPurpose.Unsubscribe, new("w", Long('a') + "a")));
    }

    [Fact]
    public void A_token_with_any_bit_changed_does_not_open()
    {
        var links = Links(Old);
        var token = links.Seal(LinkPurpose.Unsubscribe, Claims);
        for (var index = 0; index < token.Length; index++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var altered = token[..index] + (char)(token[index] ^ (1 << bit)) + token[(index + 1)..];
                Assert.Null(links.Open(altered, LinkPurpose.Unsubscribe));
            }
        }
    }

    [Fact]
    public void A_token_that_is_cut_or_longer_or_written_otherwise_does_not_open()
    {
        var links = Links(Old);
        var token = links.Seal(LinkPurpose.Unsubscribe, Claims);
        Assert.All(Enumerable.Range(0, token.Length), length => Assert.Null(links.Open(token[..length], LinkPurpose.Unsubscribe)));
        Assert.All(["A", "=", "==", " ", "\n", token, new string('A', SignedLinks.TokenLengthMax)], more => Assert.Null(links.Open(token + more, LinkPurpose.Unsubscribe)));
        Assert.Null(links.Open(null, LinkPurpose.Unsubscribe));
    }

    [Fact]
    public void Random_bytes_do_not_open()
    {
        var links = Links(Old);
        var random = new Random(1);
        var genuine = System.Buffers.Text.Base64Url.DecodeFromChars(links.Seal(LinkPurpose.Unsubscribe, Claims));
        for (var round = 0; round < 1_000; round++)
        {
            var bytes = new byte[random.Next(0, 200)];
            random.NextBytes(bytes);
            // Also such that look right from the outside.
            genuine.AsSpan(0, Math.Min(2, bytes.Length)).CopyTo(bytes);
            Assert.Null(links.Open(System.Buffers.Text.Base64Url.EncodeToString(bytes), LinkPurpose.Unsubscribe));
        }
    }

    [Fact]
    public void A_token_hides_whom_it_names_and_is_the_same_for_the_same_claims()
    {
        var links = Links(Old);
        var token = links.Reference("shop", "ada@example.com", "0123");
        Assert.Equal(token, links.Reference("shop", "ada@example.com", "0123"));
        Assert.NotEqual(token[..20], links.Reference("shop", "ada@example.com", "0124")[..20]);
        var bytes = System.Buffers.Text.Base64Url.DecodeFromChars(token);
        Assert.Equal(-1, bytes.AsSpan().IndexOf("ada"u8));
        Assert.Equal(-1, bytes.AsSpan().IndexOf("shop"u8));
    }

    [Fact]
    public void A_new_key_seals_and_the_old_one_still_opens()
    {
        var before = Links(Old).Seal(LinkPurpose.Content, Claims);
        var changing = Links(New, Old);
        Assert.Equal(Claims, changing.Open(before, LinkPurpose.Content));

        var after = changing.Seal(LinkPurpose.Content, Claims);
        Assert.Equal(Claims, Links(New).Open(after, LinkPurpose.Content));
        Assert.Null(Links(New).Open(before, LinkPurpose.Content));
        Assert.Null(Links(Old).Open(after, LinkPurpose.Content));
    }

    [Fact]
    public void Every_one_of_many_keys_opens_what_it_sealed()
    {
        // More keys than key ids.
        var keys = Enumerable.Range(0, 300).Select(static seed => SHA256.HashData(BitConverter.GetBytes(seed))).ToArray();
        var links = Links(keys);
        Assert.All(keys, key => Assert.Equal(Claims, links.Open(Links(key).Seal(LinkPurpose.Content, Claims), LinkPurpose.Content)));
    }

    [Fact]
    public async Task A_token_opens_until_it_expires()
    {
        var links = Links(Old);
        var token = links.Seal(LinkPurpose.Content, Claims, time.GetUtcNow().AddHours(1));
        await time.AdvanceAsync(TimeSpan.FromMinutes(59));
        Assert.NotNull(links.Open(token, LinkPurpose.Content));
        await time.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Null(links.Open(token, LinkPurpose.Content));
    }

    [Theory]
    [InlineData("https://mail.example.com", "https://mail.example.com/u/")]
    [InlineData("https://example.com/mail/", "https://example.com/mail/u/")]
    [InlineData("http://127.0.0.1:5080", "http://127.0.0.1:5080/u/")]
    public void Links_start_with_the_public_address(string address, string start)
    {
        var links = new SignedLinks(new Uri(address), [Old], time);
        var link = links.Unsubscribe("shop", "ada", "email", "offers", null).AbsoluteUri;
        Assert.StartsWith(start, link, StringComparison.Ordinal);
        Assert.Equal(new LinkClaims("shop", "ada", "email", "offers"), links.Open(link[start.Length..], LinkPurpose.Unsubscribe));
    }

    /// <summary>The layout is in mails that are out: another one needs another version.</summary>
    [Fact]
    public void Links_of_earlier_releases_open()
    {
        const string golden = "AbkrD4OHrCiFPDM2FW1nDwtsCzd7uxtne_FwztUBkpCWr8reqc_6GwddLl5eB6D20gSFRqDVTvWCaRrMJj1guIOy_GSydni27ynlSotyj5z2r63d0f-GeRGqIyApfdsu0AQx81Jxjw";
        Assert.Equal(Claims, Links(Old).Open(golden, LinkPurpose.Unsubscribe));
    }

    [Fact]
    public void A_short_key_or_none_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Links());
        Assert.Throws<ArgumentException>(() => Links(Old, [1, 2, 3]));
    }

    private SignedLinks Links(params byte[][] keys) => new(new Uri("https://mail.example.com"), keys, time);

    private static string Long(char character) => new(character, SignedLinks.TextLengthMax);
}
