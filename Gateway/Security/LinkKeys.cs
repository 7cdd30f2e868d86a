using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Orleans.Personalize.Gateway.Security;

/// <summary>The keys of the links in mails: configured, or made by the first start and kept in the data directory.</summary>
internal static class LinkKeys
{
    private const string FileName = "link.key";

    public static SignedLinks MakeLinks(GatewayOptions options, TimeProvider clock) => new(
        new Uri(options.PublicUrl),
        options.LinkKeys.Length > 0 ? Array.ConvertAll(options.LinkKeys, Convert.FromBase64String) : [FromFile(options.DataDirectory)],
        clock);

    /// <summary>The key in base64; null for a text that is none.</summary>
    public static byte[]? Parse(string? text)
    {
        var key = new byte[text?.Length ?? 0];
        return Convert.TryFromBase64String(text ?? "", key, out var length) && length >= SignedLinks.KeyBytesMin ? key[..length] : null;
    }

    /// <exception cref="OptionsValidationException">There is something else in the file.</exception>
    private static byte[] FromFile(string directory)
    {
        var path = Path.GetFullPath(Path.Combine(directory, FileName));
        if (!File.Exists(path))
            Create(path);
        return Parse(File.ReadAllText(path).Trim()) ?? throw new OptionsValidationException(
            nameof(GatewayOptions), typeof(GatewayOptions), [$"{path} holds no key: {GatewayOptions.LinkKeysRule} Restore it; without it no link in a mail that is out works."]);
    }

    /// <summary>Whole or not at all, readable by this user only, and on the disk before anything is signed with it.</summary>
    private static void Create(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var whole = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var settings = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            settings.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(whole, settings))
        {
            file.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(SignedLinks.KeyBytesMin))));
            file.Flush(flushToDisk: true);
        }
        try
        {
            File.Move(whole, path);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Another start was faster: its key is the one.
            File.Delete(whole);
        }
    }
}
