using System.Text.Json;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>
/// What mails may be about, as customers see it on their preference page: <c>{"name":"Offers","description":"…","channel":"email","default":true}</c>. The
/// consent for a topic is kept under <c>channel/id</c>; <c>default</c> is what goes for a customer who has said nothing.
/// </summary>
internal static class Topics
{
    private const int NameLengthMax = 100;
    private const int DescriptionLengthMax = 500;

    /// <summary>What is wrong with a topic document; empty when nothing is.</summary>
    public static List<DocumentError> Validate(JsonElement json)
    {
        var errors = new List<DocumentError>();
        var document = new DocumentReader(json, "", errors);
        if (!document.IsObjectOf("id", "name", "description", "channel", "default"))
            return errors;
        if (document.Text("name") is not { Length: > 0 and <= NameLengthMax })
            document.Fail("/name", $"must have 1 to {NameLengthMax} characters");
        if (document.Text("description") is { Length: > DescriptionLengthMax })
            document.Fail("/description", $"must have at most {DescriptionLengthMax} characters");
        if (document.Text("channel") is { } channel && !IsChannel(channel))
            document.Fail("/channel", "must be a word of 1 to 32 lower-case letters, digits, - and _, such as \"email\"");
        document.Flag("default");
        return errors;
    }

    private static bool IsChannel(string text) =>
        text.Length is > 0 and <= 32 && text.All(static character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character is '-' or '_');
}
