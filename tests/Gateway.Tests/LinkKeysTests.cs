using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class LinkKeysTests
{
    private static readonly LinkClaims Claims = new("shop", "ada");

    [Fact]
    public async Task The_first_start_makes_a_key_that_only_its_user_can_read_and_later_ones_use_it()
    {
        await using var first = await StartAsync();
        var token = first.Services.GetRequiredService<SignedLinks>().Seal(LinkPurpose.Preferences, Claims);

        var path = Path.Combine(first.DataDirectory, "link.key");
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFiles(first.DataDirectory));
        await using var second = await StartAsync(configure: builder => builder.Configuration["Personalize:DataDirectory"] = first.DataDirectory);
        Assert.Equal(Claims, second.Services.GetRequiredService<SignedLinks>().Open(token, LinkPurpose.Preferences));
        await using var other = await StartAsync();
        Assert.Null(other.Services.GetRequiredService<SignedLinks>().Open(token, LinkPurpose.Preferences));
        Assert.DoesNotContain(first.Log.Lines, line => line.Text.Contains(File.ReadAllText(path), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_configured_key_is_enough_and_is_stored_nowhere()
    {
        await using var server = await StartAsync(configure: static builder => builder.Configuration["Personalize:LinkKeys:0"] = Testing.SiloProcess.LinkKey);
        Assert.NotNull(server.Services.GetRequiredService<SignedLinks>());
        Assert.False(Directory.Exists(server.DataDirectory));
    }

    [Fact]
    public async Task A_damaged_file_is_said_and_left_alone()
    {
        await using var server = await StartAsync();
        Directory.CreateDirectory(server.DataDirectory);
        var path = Path.Combine(server.DataDirectory, "link.key");
        await File.WriteAllTextAsync(path, "damaged");

        var failure = Assert.Throws<OptionsValidationException>(() => server.Services.GetRequiredService<SignedLinks>());

        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.Equal("damaged", await File.ReadAllTextAsync(path));
    }

    [Theory]
    [InlineData("Personalize:LinkKeys:0", "")]
    [InlineData("Personalize:LinkKeys:0", "c2hvcnQ=")]
    [InlineData("Personalize:LinkKeys:0", "not base64, however long it may be, and this is long")]
    [InlineData("Personalize:PublicUrl", "")]
    [InlineData("Personalize:PublicUrl", "mail.example.com")]
    [InlineData("Personalize:PublicUrl", "ftp://mail.example.com")]
    [InlineData("Personalize:PublicUrl", "https://mail.example.com/?tenant=1")]
    public async Task A_setting_that_cannot_serve_stops_the_start(string name, string value)
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => StartAsync(configure: builder => builder.Configuration[name] = value));

        Assert.Contains(name[..^(name.EndsWith(":0", StringComparison.Ordinal) ? 2 : 0)], failure.Message, StringComparison.Ordinal);
    }
}
