using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Senders;

/// <summary>What all sender documents have in common.</summary>
internal static class SenderDocument
{
    private const int ChannelLengthMax = 64;

    /// <summary>Whether it is an object; a wrong type or channel, and members that the type does not have, are noted as errors.</summary>
    public static bool IsSender(this DocumentReader document, string type, params ReadOnlySpan<string> members)
    {
        if (!document.IsObjectOf(["type", "channel", .. members]))
            return false;
        if (document.Text("type") != type)
            document.Fail("/type", $"must be \"{type}\"");
        if (document.Text("channel") is { Length: 0 or > ChannelLengthMax })
            document.Fail("/channel", $"must have 1 to {ChannelLengthMax} characters");
        return true;
    }
}
